"""A log of traffic from JSON lines: the server's decision log, or any file with the same keys.

The keys are described in docs/planning.md. A log with a faulty line is refused as a whole, with
every faulty line named. Arrays for the simulation are ``eval.pools.traffic.Traffic``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray
from eval.json_lines import numbered_lines, table_of_line
from eval.logged_deadline import read_deadline
from eval.pools.traffic import Traffic
from router.checked import CheckedTable
from router.deferred.ways import Deadline
from router.errors import DataError

_NAMED = 20
_MOST_TOKENS = 1e9


@dataclass(frozen=True, slots=True)
class _Line:
    unix_s: float
    session: str
    input_tokens: float
    adequacy: list[float]
    expected: list[float]
    output: list[float]
    allowed: list[bool]
    quality: list[float] | None
    deadline: Deadline | None


def read_traffic(
    paths: Sequence[Path], tiers: tuple[str, ...], routers: int = 1, seed: int = 0
) -> Traffic:
    """Read a log.

    Args:
        paths: Files of JSON lines, one of each worker; lines may stand in any order.
        tiers: Of the catalog it is replayed on; other tiers of the log are left aside.
        routers: Among how many the traffic is spread, a session always to the same.
        seed: Of that.

    Raises:
        DataError: no such file, faulty lines (``problems`` names them), or fewer than two requests
            at different times.
    """
    lines: list[_Line] = []
    problems: list[str] = []
    for path in paths:
        for number, text in numbered_lines(path, "docs/planning.md"):
            try:
                lines.append(_parse(text, f"{path}:{number}", tiers))
            except DataError as error:
                problems.append(error.message)
    named = ", ".join(str(path) for path in paths)
    if problems:
        shown = "".join(f"\n  {problem}" for problem in problems[:_NAMED])
        raise DataError(
            f"{named}: {len(problems)} faulty lines; all must be good{shown}", problems=problems
        )
    lines.sort(key=lambda line: line.unix_s)
    if len(lines) < 2 or lines[0].unix_s == lines[-1].unix_s:
        raise DataError(
            f"{named}: {len(lines)} requests, at {len({line.unix_s for line in lines})} different "
            "times: a replay needs two at different times at least"
        )
    return _assemble(lines, routers, seed)


def _parse(text: str, where: str, tiers: tuple[str, ...]) -> _Line:
    table = table_of_line(text, where)
    expected = _by_tier(table, "predicted_output_tokens", tiers, _MOST_TOKENS)
    given = table.content.keys()
    return _Line(
        unix_s=table.number("unix_s", least=0.0),
        session=table.text("cluster") if "cluster" in given else "",
        input_tokens=table.number("input_tokens", least=0.0, most=_MOST_TOKENS),
        adequacy=_by_tier(table, "predicted_reward", tiers, 1.0),
        expected=expected,
        output=_by_tier(table, "output_tokens", tiers, _MOST_TOKENS)
        if "output_tokens" in given
        else expected,
        allowed=_allowed(table, tiers) if "eligible_tiers" in given else [True] * len(tiers),
        quality=_by_tier(table, "quality", tiers, 1.0) if "quality" in given else None,
        deadline=read_deadline(table),
    )


def _by_tier(table: CheckedTable, key: str, tiers: tuple[str, ...], most: float) -> list[float]:
    value = table.required(key)
    if not isinstance(value, dict):
        raise table.error(key, value, "must be an object with one number per tier")
    inner = CheckedTable(value, table.origin, key, DataError)
    return [inner.number(name, least=0.0, most=most) for name in tiers]


def _allowed(table: CheckedTable, tiers: tuple[str, ...]) -> list[bool]:
    names = table.required("eligible_tiers")
    allowed = [isinstance(names, list) and tier in names for tier in tiers]
    if not any(allowed):
        raise table.error("eligible_tiers", names, f"must be a list with one of {list(tiers)}")
    return allowed


def _assemble(lines: Sequence[_Line], routers: int, seed: int) -> Traffic:
    start = lines[0].unix_s
    numbers: dict[str, int] = {}
    session = np.array(
        [numbers.setdefault(line.session, len(numbers)) if line.session else -1 for line in lines]
    )
    by_chance = np.random.default_rng(seed).integers(0, routers, len(lines))
    deadlines = tuple(line.deadline for line in lines)
    qualities = [line.quality for line in lines if line.quality is not None]

    def column(rows: list[list[float]]) -> FloatArray:
        return np.array(rows, dtype=np.float64)

    return Traffic(
        at=np.array([line.unix_s - start for line in lines]),
        input_tokens=np.array([line.input_tokens for line in lines]),
        output_tokens=column([line.output for line in lines]),
        expected_output=column([line.expected for line in lines]),
        adequacy=column([line.adequacy for line in lines]),
        router=np.where(session >= 0, session % routers, by_chance),
        seconds=lines[-1].unix_s - start,
        allowed=np.array([line.allowed for line in lines]),
        session=session if numbers else None,
        quality=column(qualities) if len(qualities) == len(lines) else None,
        deadlines=deadlines if any(deadlines) else None,
    )
