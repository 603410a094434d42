"""A server's decision log joined with its recorded outcomes: reward and cost for every line.

The server writes what it decided (``router.server.decision_line``); what came of it is reported
later by ``RecordOutcome``. A decision without a usable outcome is left out and counted. That is
harmless only if *whether* an outcome is reported does not depend on how good the answer was.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from router.errors import DataError
from router.ledger.store import OutcomeStore, RecordedOutcome

_TOKENS_PER_PRICE_UNIT = 1e6


@dataclass(frozen=True, slots=True)
class Joined:
    """Lines of a log and what was left out of it.

    Attributes:
        lines: (line number, JSON text) with ``reward`` and ``cost_usd``.
        without_outcome: Decisions nobody reported a quality of.
        elsewhere: Decisions that another deployment answered than was decided.
        contradictory: Decisions with two different qualities.
    """

    lines: list[tuple[int, str]]
    without_outcome: int
    elsewhere: int
    contradictory: int

    def sentence(self) -> str:
        """Say in words what was left out."""
        return (
            f"{len(self.lines)} decisions with an outcome; left out: {self.without_outcome} "
            f"without one, {self.elsewhere} answered by another deployment, "
            f"{self.contradictory} with two different qualities"
        )


def read_outcome_store(path: Path) -> list[RecordedOutcome]:
    """Read all outcomes of a store.

    Raises:
        DataError: there is no such file.
        StoreError: it is no store of outcomes.
    """
    if not path.is_file():
        raise DataError(f"{path}: no such store of outcomes; give the server's 'store' file")
    store = OutcomeStore(path)
    try:
        return list(store)
    finally:
        store.close()


def join_outcomes(lines: Iterable[tuple[int, str]], outcomes: Sequence[RecordedOutcome]) -> Joined:
    """Give every line of a decision log the reward and the cost of its outcome.

    Args:
        lines: (line number, text); a text that is no JSON object is handed on as it is.
        outcomes: As recorded, in any order.
    """
    reported: dict[str, list[RecordedOutcome]] = {}
    for outcome in outcomes:
        reported.setdefault(outcome.decision_id, []).append(outcome)
    joined: list[tuple[int, str]] = []
    without = elsewhere = contradictory = 0
    for number, text in lines:
        content = _parsed(text)
        if content is None:
            joined.append((number, text))
            continue
        found = reported.get(str(content.get("context_id")), [])
        qualities = {one.quality for one in found if one.quality is not None}
        others = {one.deployment for one in found} - {"", content.get("deployment")}
        if not qualities:
            without += 1
        elif others:
            elsewhere += 1
        elif len(qualities) > 1:
            contradictory += 1
        else:
            content["reward"] = qualities.pop()
            content["cost_usd"] = _cost_usd(content, found)
            joined.append((number, json.dumps(content)))
    return Joined(joined, without, elsewhere, contradictory)


def _parsed(text: str) -> dict[str, Any] | None:
    try:
        content = json.loads(text)
    except ValueError:
        return None
    return content if isinstance(content, dict) else None


def _cost_usd(content: dict[str, Any], found: Sequence[RecordedOutcome]) -> Any:
    """Price the reported tokens as the catalog did; what is not reported stays as expected."""
    price = content.get("price")
    output = [one.output_tokens for one in found if one.output_tokens is not None]
    if not isinstance(price, dict) or not output:
        return content.get("expected_cost_usd")
    inputs = [one.input_tokens for one in found if one.input_tokens is not None]
    input_tokens = max(inputs) if inputs else content.get("input_tokens", 0.0)
    return (
        input_tokens * price.get("input_usd_per_mtok", 0.0)
        + max(output) * price.get("output_usd_per_mtok", 0.0)
    ) / _TOKENS_PER_PRICE_UNIT
