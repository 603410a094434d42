"""What was measured on an axis as rows and as a table in Markdown."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bench.calls import LATENCY_RATIO_AT_MOST
from bench.growth.axes import Axis
from bench.growth.times import Timed
from bench.report import Row
from eval.tables import markdown

LONG_OVER_BASE_AT_MOST = 3.0
"""For a prompt of 50,000 tokens against one of 500."""


@dataclass(frozen=True, slots=True)
class Grown:
    """Times of an axis and instructions of a decision by value; those may be empty."""

    axis: Axis
    timed: Sequence[Timed]
    instructions: Mapping[int, float]

    @property
    def base(self) -> Timed:
        """The point that others are compared with."""
        return next(one for one in self.timed if one.point.value == self.axis.base)

    @property
    def times_over_base(self) -> dict[int, float]:
        """Median time by value, over that of the base."""
        return {one.point.value: one.over(self.base) for one in self.timed}

    @property
    def instructions_over_base(self) -> dict[int, float]:
        """Instructions by value, over those of the base."""
        base = self.instructions.get(self.axis.base, 0.0)
        return {value: one / base for value, one in self.instructions.items()}


def rows_of(grown: Grown) -> list[Row]:
    """Return the figures of an axis."""
    axis, rows = grown.axis, []
    for one in grown.timed:
        name = f"{one.point.value} {axis.title}"
        against = f"{name}: median / that of {axis.base}"
        is_longest = axis.name == "tokens" and one is grown.timed[-1]
        rows += [
            Row(f"{name}: median", one.median_ms, "ms"),
            Row(f"{name}: p99", one.p99_ms, "ms"),
            Row(
                f"{name}: median / echo", one.over_echo, "x",
                at_most=LATENCY_RATIO_AT_MOST if axis.name == "pools" else None,
            ),
            Row(
                against, one.over(grown.base), "x",
                at_most=LONG_OVER_BASE_AT_MOST if is_longest else None,
            ),
        ]  # fmt: skip
    over = grown.instructions_over_base
    for value, one_count in grown.instructions.items():
        name = f"{value} {axis.title}: instructions"
        rows += [
            Row(name, one_count / 1e3, "thousand instructions"),
            Row(f"{name} / those of {axis.base}", over[value], "x"),
        ]
    return rows


def table_of(grown: Grown) -> str:
    """Return the same as a table in Markdown."""
    base = f"{grown.axis.base:,}"
    head = (
        grown.axis.title, "median ms", "p99 ms", "median / echo", f"median / that of {base}",
        "thousand instructions", f"/ those of {base}",
    )  # fmt: skip
    over = grown.instructions_over_base
    lines = []
    for one in grown.timed:
        value = one.point.value
        known = value in grown.instructions
        lines.append(
            (
                f"{value:,}",
                f"{one.median_ms:.2f}",
                f"{one.p99_ms:.2f}",
                f"{one.over_echo:.2f}",
                f"{one.over(grown.base):.2f}",
                f"{grown.instructions[value] / 1e3:,.0f}" if known else "",
                f"{over[value]:.2f}" if known else "",
            )
        )
    return markdown([head, *lines])
