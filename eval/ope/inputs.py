"""What a logged request was, as numbers: enough to ask another artifact of the same encoder."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.logged_deadline import read_deadline
from router.checked import CheckedTable
from router.deferred.ways import Deadline
from router.errors import DataError
from router.types import Contract, Goal

_FARTHEST = 1e6
_MOST_TOKENS = 10**9


@dataclass(frozen=True, slots=True, eq=False)
class RecordedInput:
    """One request of a decision log.

    Attributes:
        vector: (d,) float32, the encoder's.
        features: (f,) float32 text features.
        encoder_sha256: Which encoder made ``vector``.
        goal: That was applied.
        eligible_tiers: Tiers with a candidate that met every hard constraint.
        input_tokens: Estimated, whole conversation.
        max_output_tokens: As stated; None for no limit.
        deadline: When the answer was needed, without a margin; None for at once.
    """

    vector: NDArray[np.float32]
    features: NDArray[np.float32]
    encoder_sha256: str
    goal: Goal
    eligible_tiers: frozenset[str]
    input_tokens: float
    max_output_tokens: int | None
    deadline: Deadline | None = None


def read_input(table: CheckedTable) -> RecordedInput | None:
    """Read the inputs of a line; None if it has none.

    Raises:
        DataError: some are there and others are missing or faulty.
    """
    if "vector" not in table.content:
        return None
    limit = "max_output_tokens"
    return RecordedInput(
        vector=_numbers(table, "vector"),
        features=_numbers(table, "features"),
        encoder_sha256=table.text("encoder_sha256"),
        goal=_goal(table),
        eligible_tiers=table.texts("eligible_tiers"),
        input_tokens=table.number("input_tokens", least=0),
        max_output_tokens=table.integer(limit, 1, _MOST_TOKENS) if limit in table.content else None,
        deadline=read_deadline(table),
    )


def _goal(table: CheckedTable) -> Goal:
    keys = ("quality_target", "willingness_to_pay_usd", "max_cost_usd")
    inner = table.table("goal", {*keys, "contract"})
    target, pay, limit = (
        None if inner.content.get(key) is None else inner.number(key, least=0) for key in keys
    )
    if inner.content.get("contract") is None:
        return Goal(target, pay, limit)
    stated = inner.table("contract", {"max_loss_rate", "confidence", "per_topic", "reviewed"})
    return Goal(
        max_cost_usd=limit,
        contract=Contract(
            stated.number("max_loss_rate", above=0, below=1),
            stated.number("confidence", above=0, below=1),
            stated.flag("per_topic"),
            stated.flag("reviewed"),
        ),
    )


def _numbers(table: CheckedTable, key: str) -> NDArray[np.float32]:
    values = table.required(key)
    if not isinstance(values, list) or not values:
        raise table.error(key, "...", "must be a list of numbers")
    places = {str(index): value for index, value in enumerate(values)}
    inner = CheckedTable(places, table.origin, key, DataError)
    numbers = [inner.number(place, least=-_FARTHEST, most=_FARTHEST) for place in places]
    return np.array(numbers, dtype=np.float32)
