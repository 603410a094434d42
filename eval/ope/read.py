"""Reading a log of decisions from JSON lines, and the candidate that stands in it.

The format is described in docs/off-policy.md. A log with a faulty line is refused as a whole, with
every faulty line named.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray
from eval.json_lines import numbered_lines, table_of_line
from eval.ope.inputs import RecordedInput, read_input
from eval.ope.log import LoggedDecisions
from router.checked import CheckedTable
from router.errors import DataError

_NAMED = 20


@dataclass(frozen=True, slots=True)
class LogFile:
    """A log and what else its lines hold.

    Attributes:
        log: The decisions.
        candidate: (n, k) probabilities of the candidate column, or None where none was asked for.
        prompts: (n,) texts, empty where any line has none.
        inputs: (n,) requests as numbers, empty where any line has none.
    """

    log: LoggedDecisions
    candidate: FloatArray | None
    prompts: tuple[str, ...]
    inputs: tuple[RecordedInput, ...] = ()


@dataclass(frozen=True, slots=True)
class _Line:
    context_id: str
    cluster: str
    action: str
    propensities: dict[str, float]
    reward: float
    cost_usd: float
    predicted_reward: dict[str, float]
    predicted_cost_usd: dict[str, float]
    candidate: dict[str, float]
    prompt: str
    input: RecordedInput | None


def read_log(path: Path, candidate_column: str | None = None) -> LogFile:
    """Read a log.

    Args:
        path: JSON lines.
        candidate_column: Key of the candidate policy in every line, an action or an object of
            probabilities; None reads no candidate.

    Raises:
        DataError: no such file, no lines, or faulty lines (``problems`` names them).
    """
    return parse_log(path, numbered_lines(path), candidate_column)


def parse_log(
    path: Path, numbered: Sequence[tuple[int, str]], candidate_column: str | None = None
) -> LogFile:
    """Read a log from lines that are at hand; as ``read_log``, ``path`` is for messages."""
    lines: list[_Line] = []
    problems: list[str] = []
    for number, text in numbered:
        try:
            lines.append(_parse(text, f"{path}:{number}", candidate_column))
        except DataError as error:
            problems.append(error.message)
    if problems or not lines:
        shown = "".join(f"\n  {problem}" for problem in problems[:_NAMED])
        raise DataError(
            f"{path}: {len(problems)} faulty lines, {len(lines)} good ones; all must be good and "
            f"there must be one at least{shown}",
            problems=problems,
        )
    return _assemble(path, lines, candidate_column)


def _parse(text: str, where: str, candidate_column: str | None) -> _Line:
    table = table_of_line(text, where)
    context_id = table.text("context_id")
    return _Line(
        context_id=context_id,
        cluster=table.text("cluster") if "cluster" in table.content else context_id,
        action=table.text("action"),
        propensities=_by_action(table, "propensities", most=1.0),
        reward=table.number("reward", least=0, most=1),
        cost_usd=table.number("cost_usd", least=0),
        predicted_reward=_optional(table, "predicted_reward", most=1.0),
        predicted_cost_usd=_optional(table, "predicted_cost_usd"),
        candidate=_candidate(table, candidate_column) if candidate_column else {},
        prompt=table.text("prompt") if "prompt" in table.content else "",
        input=read_input(table),
    )


def _by_action(table: CheckedTable, key: str, most: float | None = None) -> dict[str, float]:
    value = table.required(key)
    if not isinstance(value, dict) or not value:
        raise table.error(key, value, "must be an object with one number per action")
    inner = CheckedTable(value, table.origin, key, DataError)
    return {name: inner.number(name, least=0, most=most) for name in value}


def _optional(table: CheckedTable, key: str, most: float | None = None) -> dict[str, float]:
    return _by_action(table, key, most) if key in table.content else {}


def _candidate(table: CheckedTable, key: str) -> dict[str, float]:
    value = table.required(key)
    return {value: 1.0} if isinstance(value, str) and value else _by_action(table, key, most=1.0)


def _assemble(path: Path, lines: Sequence[_Line], candidate_column: str | None) -> LogFile:
    actions = tuple(dict.fromkeys(name for line in lines for name in line.propensities))
    unknown = sorted(
        {name for line in lines for name in (line.action, *line.candidate) if name not in actions}
    )
    if unknown:
        raise DataError(
            f"{path}: actions {', '.join(unknown)} have no propensity in any line; the "
            f"propensities name {', '.join(actions)}"
        )
    predicted = [
        _matrix(path, key, [getattr(line, key) for line in lines], actions)
        for key in ("predicted_reward", "predicted_cost_usd")
    ]
    log = LoggedDecisions(
        actions=actions,
        context_ids=np.array([line.context_id for line in lines]),
        clusters=np.array([line.cluster for line in lines]),
        action=np.array([actions.index(line.action) for line in lines], dtype=np.int64),
        propensity=_filled([line.propensities for line in lines], actions),
        reward=np.array([line.reward for line in lines]),
        cost_usd=np.array([line.cost_usd for line in lines]),
        predicted_reward=predicted[0],
        predicted_cost_usd=predicted[1],
    )
    prompts = tuple(line.prompt for line in lines)
    inputs = tuple(line.input for line in lines if line.input is not None)
    return LogFile(
        log=log,
        candidate=_filled([x.candidate for x in lines], actions) if candidate_column else None,
        prompts=prompts if all(prompts) else (),
        inputs=inputs if len(inputs) == len(lines) else (),
    )


def _filled(rows: Sequence[dict[str, float]], actions: Sequence[str]) -> FloatArray:
    """An action that a line does not name was impossible there: probability 0."""
    return np.array([[row.get(name, 0.0) for name in actions] for row in rows], dtype=np.float64)


def _matrix(
    path: Path, key: str, rows: Sequence[dict[str, float]], actions: Sequence[str]
) -> FloatArray | None:
    """A prediction must stand in every line for every action, or in none."""
    if not any(rows):
        return None
    short = sum(set(row) != set(actions) for row in rows)
    if short:
        raise DataError(
            f"{path}: {key} lacks actions in {short} of {len(rows)} lines; give it for "
            f"{', '.join(actions)} in every line, or in none"
        )
    return _filled(rows, actions)
