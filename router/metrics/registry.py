"""Cells that are added to while serving, and snapshots of them that can be summed and sent.

A cell is a plain number: adding takes no lock, so all cells of a registry belong to one thread,
which also takes the snapshots.
"""

import json
from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping

from router.metrics.families import BY_NAME, Family

Labels = tuple[str, ...]
Snapshot = dict[str, dict[Labels, list[float]]]
"""By family name and label values: one number, or of a histogram the count of each bucket, the
last one unbounded, and then the sum of all values."""

_MERGED: Mapping[str, Callable[[float, float], float]] = {
    "sum": lambda one, other: one + other,
    "max": max,
    "min": min,
}


class Cell:
    """A number. Counters are added to, gauges are set."""

    __slots__ = ("value",)

    def __init__(self) -> None:
        self.value: float = 0

    def values(self) -> list[float]:
        """Return the number as a snapshot holds it."""
        return [self.value]


class Histogram:
    """Counts by bucket and the sum of what was added."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value; one that equals a bound belongs below it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def values(self) -> list[float]:
        """Return the buckets and the sum as a snapshot holds them."""
        return [*self.counts, self.total]


class Registry:
    """All cells of one process, made when they are first asked for."""

    def __init__(self) -> None:
        self._cells: dict[str, dict[Labels, Cell | Histogram]] = {}

    def cell(self, family: Family, *labels: str) -> Cell:
        """Return the number of a counter or gauge with these label values."""
        found = self._of(family).setdefault(labels, Cell())
        assert isinstance(found, Cell)  # noqa: S101 - a family has one kind
        return found

    def histogram(self, family: Family, *labels: str) -> Histogram:
        """Return the histogram with these label values."""
        found = self._of(family).setdefault(labels, Histogram(family.bounds))
        assert isinstance(found, Histogram)  # noqa: S101 - a family has one kind
        return found

    def clear(self, family: Family) -> None:
        """Forget every cell of a family."""
        self._cells.pop(family.name, None)

    def snapshot(self) -> Snapshot:
        """Return all numbers as they are now."""
        return {
            name: {labels: cell.values() for labels, cell in cells.items()}
            for name, cells in self._cells.items()
        }

    def _of(self, family: Family) -> dict[Labels, Cell | Histogram]:
        return self._cells.setdefault(family.name, {})


def merged(snapshots: Iterable[Snapshot]) -> Snapshot:
    """Return several snapshots as one: sums, and of some gauges the greatest or least."""
    result: Snapshot = {}
    for snapshot in snapshots:
        for name, cells in snapshot.items():
            merge = _MERGED[BY_NAME[name].merge]
            into = result.setdefault(name, {})
            for labels, values in cells.items():
                known = into.get(labels)
                into[labels] = (
                    list(values)
                    if known is None
                    else [merge(one, other) for one, other in zip(known, values, strict=True)]
                )
    return result


def counters_of(snapshot: Snapshot) -> Snapshot:
    """Return what stays true when the process has gone: counters and histograms."""
    return {name: cells for name, cells in snapshot.items() if BY_NAME[name].kind != "gauge"}


def to_line(snapshot: Snapshot) -> str:
    """Return a snapshot as one line of JSON."""
    rows = {
        name: [[list(labels), values] for labels, values in cells.items()]
        for name, cells in snapshot.items()
    }
    return json.dumps(rows, separators=(",", ":"))


def from_line(line: str) -> Snapshot:
    """Return the snapshot of a line that ``to_line`` made."""
    return {
        name: {tuple(labels): values for labels, values in rows}
        for name, rows in json.loads(line).items()
    }
