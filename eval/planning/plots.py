"""Pictures of a replay and of a break-even."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter

from eval.planning.sensitivity import Case
from eval.pools.run import Run
from eval.style import BLUE, GREEN, GREY, MUTED, ORANGE, PURPLE, headline, save_png, styled

_COLOURS = {
    "shadow price": BLUE,
    "list price": GREY,
    "list price until full": PURPLE,
    "average cost": ORANGE,
}
_BLOCKS = 120


def draw_replay(path: Path, found: Mapping[str, Run], what: str) -> None:
    """Draw how full the pool is, its replicas, who waits, and what it all costs.

    Args:
        path: PNG file.
        found: Runs by way; those of the main ways are drawn over time.
        what: The traffic, in words.
    """
    with styled():
        figure, axes = plt.subplots(2, 2, figsize=(11.0, 6.6))
        for name, colour in _COLOURS.items():
            if name not in found:
                continue
            run = found[name]
            minutes = _blocks(run.at) / 60.0
            for axis, values in (
                (axes[0, 0], run.filled), (axes[0, 1], run.replicas), (axes[1, 0], run.waiting),
            ):  # fmt: skip
                line = "--" if name == "average cost" else "-"  # often on the list price's
                axis.plot(minutes, _blocks(values), line, color=colour, linewidth=1.3, label=name)
        _in_line(axes[1, 0], found)
        axes[0, 0].set_title("requests in the pool over its places")
        axes[0, 0].axhline(1.0, color=MUTED, linewidth=0.8, linestyle=":")
        axes[0, 1].set_title("replicas that serve")
        axes[0, 1].set_ylim(bottom=0.0)
        dotted = " (dotted: for idle hours)" if any(r.in_line.any() for r in found.values()) else ""
        axes[1, 0].set_title(f"requests that wait for a place{dotted}")
        axes[1, 0].set_yscale("symlog", linthresh=10.0)
        axes[0, 1].legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none")
        for axis in axes.flat[:3]:
            axis.set_xlabel("minutes")
        _bill(axes[1, 1], found)
        headline(figure, "What each way to price the pool comes to", f"Simulated. {what}")
        figure.subplots_adjust(
            left=0.05, right=0.99, bottom=0.08, top=0.86, wspace=0.22, hspace=0.38
        )
        save_png(figure, path)


def draw_break_even(path: Path, cases: Sequence[Case], what: str) -> None:
    """Draw from which share of its throughput a pool pays, by what is otherwise.

    Args:
        path: PNG file.
        cases: The one as stated first; those without any request are left out.
        what: The traffic, in words.
    """
    cases = [one for one in cases if np.isfinite(one.found.break_even.value)]
    with styled():
        figure, axis = plt.subplots(figsize=(9.5, 0.32 * len(cases) + 1.6))
        places = np.arange(len(cases))[::-1]
        values = np.array([one.found.break_even.value for one in cases])
        lows = np.array([one.found.break_even.low for one in cases])
        highs = np.array([one.found.break_even.high for one in cases])
        colours = [GREEN if value <= 1.0 else ORANGE for value in values]
        axis.barh(places, values, color=colours, height=0.62)
        axis.errorbar(
            values, places, xerr=[values - lows, highs - values], fmt="none", ecolor=MUTED
        )
        axis.axvline(values[0], color=MUTED, linewidth=0.8, linestyle=":")
        axis.axvline(1.0, color=MUTED, linewidth=1.0)
        axis.set_xscale("log")
        axis.xaxis.set_major_formatter(PercentFormatter(1.0))
        axis.set_yticks(places, [f"{one.group}: {one.words}" for one in cases])
        axis.set_xlabel("share of the pool's throughput from which it pays (log scale)")
        headline(figure, "When the pool pays", what)
        height = figure.get_figheight()
        figure.subplots_adjust(left=0.44, right=0.98, bottom=0.55 / height, top=1 - 0.75 / height)
        save_png(figure, path)


def _in_line(axis: plt.Axes, found: Mapping[str, Run]) -> None:
    """Draw who waits for idle hours, of those ways to price the pool that let anybody do so."""
    for name, run in found.items():
        if name in _COLOURS and run.in_line.any():
            axis.plot(
                _blocks(run.at) / 60.0, _blocks(run.in_line), ":", color=_COLOURS[name],
                linewidth=1.3,
            )  # fmt: skip


def _bill(axis: plt.Axes, found: Mapping[str, Run]) -> None:
    places = np.arange(len(found))[::-1]
    gpu = np.array([run.gpu_usd for run in found.values()])
    api = np.array([run.api_usd for run in found.values()])
    later = np.array([sum(run.waited.usd) for run in found.values()])
    axis.barh(places, gpu, color=GREY, label="GPUs", height=0.62)
    axis.barh(places, api - later, left=gpu, color=BLUE, label="APIs at once", height=0.62)
    if later.any():
        left = gpu + api - later
        axis.barh(places, later, left=left, color=GREEN, label="asked later", height=0.62)
    axis.set_yticks(places, list(found))
    axis.set_title("USD")
    axis.legend(loc="lower right", bbox_to_anchor=(1.0, 1.0), ncols=3, frameon=False)


def _blocks(values: np.ndarray) -> np.ndarray:
    """Return means of about ``_BLOCKS`` equal pieces of (n,) values."""
    size = max(values.size // _BLOCKS, 1)
    whole = values[: values.size // size * size].reshape(-1, size)
    means: np.ndarray = whole.mean(axis=1)
    return means
