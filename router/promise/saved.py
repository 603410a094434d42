"""Terms, calibration counts and the monitor's state as JSON text, and terms in words for people.

The records are ``router.promise.contract`` and ``router.promise.monitor``; where the text is kept
is the caller's.
"""

import json
import math
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from router.checked import CheckedTable
from router.errors import DataError
from router.promise.contract import BOUNDS, CalibrationCounts, ContractTerms
from router.promise.monitor import MonitorPlan, MonitorState, start_monitor
from router.promise.rule import COVERS

FORMAT = 1
_MOST = 10**12
_MONITOR_FIELDS = tuple(MonitorState.__dataclass_fields__)


def terms_to_json(terms: ContractTerms) -> str:
    """Write terms as one line of JSON."""
    return json.dumps({"format": FORMAT, **asdict(terms)}, allow_nan=False)


def terms_from_json(text: str, origin: str = "contract terms") -> ContractTerms:
    """Read what ``terms_to_json`` wrote.

    Args:
        text: The JSON.
        origin: Where it came from, for messages.

    Raises:
        DataError: not JSON, another format, a key missing, unknown or out of range.
    """
    table = opened(text, origin, set(ContractTerms.__dataclass_fields__))
    threshold = table.required("threshold")
    usd = table.required("willingness_to_pay_usd")
    topic = table.required("topic")
    if not isinstance(topic, str):
        raise table.error("topic", topic, "must be a string")
    return ContractTerms(
        alpha=table.number("alpha", above=0, most=1),
        delta=table.number("delta", above=0, most=1),
        threshold=None if threshold is None else table.number("threshold", least=-1, most=1),
        n=table.integer("n", 0, _MOST),
        empirical_risk=table.number("empirical_risk", least=0, most=1),
        upper_bound=table.number("upper_bound", least=0, most=1),
        bound=_one_of(table, "bound", BOUNDS),
        covers=_one_of(table, "covers", COVERS),
        tested=table.integer("tested", 0, _MOST),
        topic=topic,
        topics=table.integer("topics", 1, _MOST),
        willingness_to_pay_usd=(
            None if usd is None else table.number("willingness_to_pay_usd", above=0)
        ),
    )


def counts_to_json(counts: CalibrationCounts) -> str:
    """Write calibration counts as one line of JSON."""
    return json.dumps({"format": FORMAT, **asdict(counts)}, allow_nan=False)


def counts_from_json(text: str, origin: str = "calibration counts") -> CalibrationCounts:
    """Read what ``counts_to_json`` wrote.

    Raises:
        DataError: not JSON, another format, a key missing, unknown or out of range.
    """
    return counts_of(opened(text, origin, set(CalibrationCounts.__dataclass_fields__)))


def counts_of(table: CheckedTable) -> CalibrationCounts:
    """Read calibration counts from a table of their fields.

    Raises:
        DataError: a key missing or out of range.
    """
    n = table.integer("n", 0, _MOST)
    table.required("binary")
    return CalibrationCounts(
        grid=numbers(table, "grid", -1.0, 1.0),
        total_loss=numbers(table, "total_loss", 0.0, float(n)),
        n=n,
        binary=table.flag("binary"),
        covers=_one_of(table, "covers", COVERS),
    )


def monitor_to_json(state: MonitorState) -> str:
    """Write a monitor's state as one line of JSON, so that it survives a restart.

    A monitor that starts anew at every restart would spend its delta each time.
    """
    content = {name: getattr(state, name) for name in _MONITOR_FIELDS}
    content["plan"] = asdict(state.plan)
    content["wealth"] = state.wealth.ravel().tolist()
    return json.dumps({"format": FORMAT, **content}, allow_nan=False)


def monitor_from_json(text: str, origin: str = "monitor state") -> MonitorState:
    """Read what ``monitor_to_json`` wrote.

    Raises:
        DataError: not JSON, another format, a key missing, unknown or out of range, or a state
            of another release's levels.
    """
    table = opened(text, origin, set(_MONITOR_FIELDS))
    plan = table.table("plan", set(MonitorPlan.__dataclass_fields__))
    stated = {name: plan.number(name) for name in MonitorPlan.__dataclass_fields__}
    fresh = start_monitor(MonitorPlan(**stated))
    wealth = np.array(numbers(table, "wealth", 0.0, math.inf))
    if wealth.size != fresh.wealth.size:
        raise DataError(
            f"{origin}: wealth holds {wealth.size} numbers, this release keeps "
            f"{fresh.wealth.size}: start a new monitor, after calibrating again"
        )
    return replace(
        fresh,
        audits=table.integer("audits", 0, _MOST),
        weight=table.number("weight", least=0),
        weighted_loss=table.number("weighted_loss", least=0),
        wealth=wealth.reshape(fresh.wealth.shape),
        greatest_evidence=table.number("greatest_evidence", least=1),
        lower_bound=table.number("lower_bound", least=0, most=1),
    )


def describe(terms: ContractTerms) -> str:
    """Say terms in one sentence, for a response or a log."""
    promise = (
        f"at most {terms.alpha:.2%} of requests lose an adequate answer against the top tier, "
        f"with confidence {1 - terms.delta:.0%}"
    )
    if terms.topic:
        promise = f"topic {terms.topic}, one of {terms.topics}: {promise}"
    if terms.willingness_to_pay_usd is not None:
        return (
            f"{promise}, once reviewed: at a willingness to pay of "
            f"{terms.willingness_to_pay_usd:g} USD ({terms.bound} bound {terms.upper_bound:.2%} "
            f"from {terms.n} labels, {terms.empirical_risk:.2%} seen)"
        )
    if terms.threshold is None:
        return f"{promise}: always the top tier, {terms.n} labels vouch for nothing cheaper"
    which = "any tier" if terms.covers == "any" else "the lowest tier"
    return (
        f"{promise}: {which} with predicted regret <= {terms.threshold:g} ({terms.bound} bound "
        f"{terms.upper_bound:.2%} from {terms.n} labels, {terms.empirical_risk:.2%} seen)"
    )


def opened(text: str, origin: str, fields: set[str]) -> CheckedTable:
    """Open JSON of this format as a table of some fields.

    Raises:
        DataError: not JSON, another format, or an unknown key.
    """
    try:
        content = json.loads(text)
    except ValueError as error:
        raise DataError(f"{origin}: not JSON ({error}): calibrate again") from error
    if not isinstance(content, dict) or content.get("format") != FORMAT:
        found = content.get("format") if isinstance(content, dict) else None
        raise DataError(
            f"{origin}: format {found!r}; this release reads format {FORMAT}: calibrate again"
        )
    table = CheckedTable(content, origin, "", DataError)
    table.refuse_unknown({"format", *fields})
    return table


def _one_of(table: CheckedTable, key: str, allowed: tuple[Any, ...]) -> Any:
    value = table.required(key)
    if value not in allowed:
        raise table.error(key, value, f"must be one of {', '.join(allowed)}")
    return value


def numbers(table: CheckedTable, key: str, least: float, most: float) -> tuple[float, ...]:
    """Read a list of numbers from ``least`` to ``most``.

    Raises:
        DataError: not a list, or a number out of range.
    """
    values = table.required(key)
    if not isinstance(values, list):
        raise table.error(key, values, "must be a list of numbers")
    places = {str(index): value for index, value in enumerate(values)}
    inner = CheckedTable(places, table.origin, key, DataError)
    return tuple(inner.number(place, least=least, most=most) for place in places)
