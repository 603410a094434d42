"""``explain``: a past decision from the files it was written to: decision log, outcomes, audits."""

import argparse
import json
import sqlite3
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from router.cli.explain import usd
from router.cli.table import lines_of_table
from router.config_sources import load_config
from router.errors import StoreError


def add_explain(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``explain``."""
    parser = commands.add_parser(
        "explain",
        help="explain a past decision from the decision log and the store",
        description="Print what the decision log says of a decision, and what was reported of it. "
        "The log must have been on (decision_log); give every worker's file.",
    )
    parser.add_argument("decision_id", metavar="DECISION_ID")
    parser.add_argument(
        "--log", type=Path, metavar="FILE", action="append", help="decision log; may be repeated"
    )
    parser.add_argument("--store", type=Path, metavar="FILE", help="SQLite file of outcomes")
    parser.set_defaults(run=explain)


def explain(arguments: argparse.Namespace) -> int:
    """Print what is known of a decision; return 0 if anything is, else 1."""
    config = load_config()
    logs = arguments.log or ([config.decision_log] if config.decision_log else [])
    store = arguments.store or config.store
    logged = _logged(logs, arguments.decision_id)
    try:
        lines = [] if logged is None else lines_of_logged(logged)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StoreError(
            f"decision {arguments.decision_id}: its line is not as a server writes it ({error!r}); "
            "give the decision log of the server"
        ) from error
    lines += _lines_of_store(store, arguments.decision_id)
    if not lines:
        looked = ", ".join(str(path) for path in (*logs, store))
        print(f"nothing is known of decision {arguments.decision_id} in {looked}")
        return 1
    print("\n".join(lines))
    return 0


def _logged(logs: Sequence[Path], decision_id: str) -> dict[str, Any] | None:
    """Return the line of a decision; a line that is no JSON is passed over.

    Raises:
        StoreError: a log cannot be read.
    """
    for path in logs:
        try:
            with path.open(encoding="utf-8", errors="replace") as file:
                for content in _contents(file, decision_id):
                    if content.get("context_id") == decision_id:
                        return content
        except OSError as error:
            raise StoreError(
                f"{path}: cannot be read ({error}); give the decision log of the server",
                metadata={"file": str(path)},
            ) from error
    return None


def _contents(lines: Iterator[str], text: str) -> Iterator[dict[str, Any]]:
    for line in lines:
        if text in line:  # cheaper than parsing every line
            try:
                content = json.loads(line)
            except json.JSONDecodeError:
                continue  # torn by a crash
            if isinstance(content, dict):
                yield content


def lines_of_logged(content: dict[str, Any]) -> list[str]:
    """Return a decision of the log in words and as a table of tiers."""
    goal = {key: value for key, value in content["goal"].items() if value is not None}
    rows = [
        (
            tier,
            "chosen" if tier == content["action"] else "",
            "yes" if tier in content["eligible_tiers"] else "no",
            f"{adequacy:.1%}",
            usd(content["predicted_cost_usd"][tier]) if "predicted_cost_usd" in content else "",
            f"{content['propensities'].get(tier, 0.0):.3f}",
        )
        for tier, adequacy in content["predicted_reward"].items()
    ]
    header = ("tier", "", "eligible", "adequacy", "expected USD", "propensity")
    return [
        f"Decision    {content['context_id']}",
        f"Tier        {content['action']}",
        f"Deployment  {content['deployment']}",
        f"Reason      {content['reason']}",
        f"Goal        {json.dumps(goal, sort_keys=True)}",
        f"Cost        {usd(content['expected_cost_usd'])} USD expected",
        f"Made by     artifact {content['artifact_version']}, catalog {content['catalog_version']}",
        "",
        *lines_of_table(header, rows, right=(3, 4, 5)),
    ]


def _lines_of_store(path: Path, decision_id: str) -> list[str]:
    """Return what was reported of a decision; nothing is written to the file.

    Raises:
        StoreError: the file cannot be read.
    """
    if not path.is_file():
        return []
    lines = []
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            for (content,) in connection.execute(
                "SELECT content FROM outcome WHERE decision_id = ?", (decision_id,)
            ):
                known = {k: v for k, v in json.loads(content).items() if v not in (None, "")}
                lines.append(f"Outcome     {json.dumps(known, sort_keys=True)}")
            for tier, top_tier, quality, top_quality, loss in connection.execute(
                "SELECT tier, top_tier, quality, top_quality, loss FROM audit "
                "WHERE decision_id = ?",
                (decision_id,),
            ):
                state = "open" if loss is None else "lost" if loss > 0 else "kept"
                lines.append(
                    f"Audit       {state}: {tier} {_quality(quality)}, {top_tier} "
                    f"{_quality(top_quality)}"
                )
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise StoreError(
            f"{path}: cannot be read ({error}); give the store of the server",
            metadata={"file": str(path)},
        ) from error
    return lines


def _quality(value: float | None) -> str:
    return "not reported" if value is None else f"quality {value:g}"
