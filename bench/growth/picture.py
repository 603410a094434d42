"""The picture of growth: a panel for each axis, time and instructions over those of its base."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, NullFormatter

from bench.growth.figures import Grown
from eval.style import BLUE, MUTED, ORANGE, headline, save_png, styled


def draw(grown: Sequence[Grown], path: Path, note: str) -> None:
    """Draw what was measured.

    Args:
        grown: One panel each.
        path: PNG file; its directory is made.
        note: Under the headline: where and how it was measured.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with styled():
        figure, axes = plt.subplots(1, len(grown), figsize=(3.2 * len(grown), 3.9), squeeze=False)
        for panel, one in zip(axes[0], grown, strict=True):
            _panel(panel, one)
        axes[0][0].set_ylabel("times the dotted point")
        axes[0][0].legend(loc="upper left", frameon=True, framealpha=0.9, edgecolor="none")
        headline(figure, "How the cost of a decision grows", note)
        figure.subplots_adjust(left=0.055, right=0.99, bottom=0.15, top=0.76, wspace=0.18)
        save_png(figure, path)


def _panel(panel: Any, grown: Grown) -> None:
    values = [point.value for point in grown.axis.points]
    # Whole numbers from 0 or far apart: evenly spaced, each with its name.
    places = range(len(values))
    lines = (
        ("time of a call", grown.times_over_base, BLUE),
        ("instructions", grown.instructions_over_base, ORANGE),
    )
    highest = 1.0
    for label, by_value, colour in lines:
        if by_value:
            heights = [by_value[value] for value in values]
            highest = max(highest, *heights)
            panel.plot(places, heights, color=colour, marker="o", markersize=4, label=label)
    panel.axvline(values.index(grown.axis.base), color=MUTED, linewidth=0.8, linestyle=":")
    panel.set_yscale("log", base=2)
    panel.set_ylim(0.5, max(4.0, highest * 1.4))
    panel.yaxis.set_major_formatter(FuncFormatter(lambda height, _: f"{height:g}"))
    panel.yaxis.set_minor_formatter(NullFormatter())
    panel.set_xticks(list(places), [f"{value:,}" for value in values])
    panel.set_xlabel(grown.axis.title)
