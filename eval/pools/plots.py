"""The picture of the study: one day of the mixed scenario, and steady overload."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from eval.arrays import FloatArray
from eval.pools.run import Run
from eval.pools.study import runs, scenario, setting, way
from eval.pools.tables import LIST, OURS
from eval.style import BLUE, GREY, MUTED, ORANGE, headline, save_png, styled

_SMOOTHED = 6
_COLOURS = {OURS: BLUE, LIST: GREY, "last reading alone": ORANGE, "always pool": ORANGE}
_SHOWN = 2.0


def draw_picture(path: Path, seed: int) -> None:
    """Draw how full the pool is under several ways to price it.

    Args:
        path: PNG file.
        seed: Of the run that is shown.
    """
    panels: tuple[tuple[str, Sequence[str], str], ...] = (
        (
            "mixed",
            (LIST, "always pool", OURS),
            "Mixed traffic: idle GPUs take work, full ones do not",
        ),
        (
            "steady",
            ("last reading alone", OURS),
            "130 % all the time, readings 30 s apart, 8 routers",
        ),
    )
    with styled():
        figure, axes = plt.subplots(1, 2, figsize=(11.0, 4.4), sharey=True)
        for axis, (name, ways, title) in zip(axes, panels, strict=True):
            for key in ways:
                (run,) = runs(scenario(name), way(key), setting(), [seed])
                _line(axis, run, key)
            axis.set_title(title)
            axis.set_xlabel("minutes")
            axis.axhline(1.0, color=MUTED, linewidth=0.8, linestyle=":")
            axis.set_ylim(0.0, _SHOWN)
            axis.legend(loc="upper left", frameon=True, framealpha=0.9, edgecolor="none")
        axes[0].set_ylabel("requests in the pool over its places")
        headline(
            figure,
            "How full the pool is",
            f"Simulated. Dotted: places at the stated throughput. Cut at {_SHOWN:g}. Seed {seed}.",
        )
        figure.subplots_adjust(left=0.06, right=0.99, bottom=0.12, top=0.78, wspace=0.06)
        save_png(figure, path)


def _line(axis: Any, run: Run, key: str) -> None:
    axis.plot(
        run.at / 60.0, _smooth(run.filled), color=_COLOURS[key], linewidth=1.4,
        label=f"{key}: {run.total_usd:.0f} USD, p95 delay {run.p95_delay_s:.1f} s",
    )  # fmt: skip


def _smooth(values: FloatArray) -> FloatArray:
    window = np.ones(_SMOOTHED) / _SMOOTHED
    padded = np.pad(values, (_SMOOTHED - 1, 0), mode="edge")
    return np.convolve(padded, window, mode="valid")
