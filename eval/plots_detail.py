"""Pictures that look closer: calibration of every tier, and the frontier inside each task.

Drawn from ``Results`` only, as in ``eval.plots``.
"""

from typing import Any

import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import PercentFormatter

from eval.results import Results, TaskResult
from eval.style import COLOURS, MUTED, PAPER, TIER_COLOURS, headline

MIN_TASK_PROMPTS = 20
_TASK_NAMES: dict[str, tuple[str, tuple[int, int], str]] = {
    "router_trade_off": ("this router", (-3, 6), "right"),
    "zero_router": ("single tiers, mixed", (9, -13), "left"),
    "oracle": ("oracle", (7, -4), "left"),
}


def draw_calibration(results: Results) -> Any:
    """Draw reliability per tier: predicted adequacy against what happened, in equal-mass bins."""
    pooled = [one for one in results.calibration if not one.task]
    figure, panels = plt.subplots(
        1, len(pooled), figsize=(1.0 + 3.1 * len(pooled), 4.35), sharey=True, squeeze=False
    )
    figure.subplots_adjust(
        left=0.65 / figure.get_figwidth(), right=0.985, top=0.775, bottom=0.135, wspace=0.1
    )
    for axes, one, colour in zip(panels[0], pooled, _cycle(len(pooled)), strict=True):
        measured = one.calibration
        axes.plot([0, 1], [0, 1], color=MUTED, linewidth=1, linestyle=(0, (4, 3)))
        said = [b.predicted for b in measured.bins]
        happened = [b.observed for b in measured.bins]
        spread = [
            1.96 * np.sqrt(max(b.observed * (1 - b.observed), 1e-9) / b.count)
            for b in measured.bins
        ]
        axes.errorbar(said, happened, yerr=spread, fmt="none", ecolor=colour, alpha=0.35)
        axes.plot(said, happened, "o-", color=colour, markersize=5, linewidth=1.6)
        axes.set_title(one.tier)
        axes.text(
            0.97, 0.05,
            f"ECE {measured.ece_equal_mass:.3f}\nBrier {measured.brier:.3f} "
            f"(base rate {measured.brier_base_rate:.3f})",
            transform=axes.transAxes, va="bottom", ha="right", fontsize=8.5, color=MUTED,
            linespacing=1.5,
        )  # fmt: skip
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1.02)
        axes.set_xticks([0.2, 0.4, 0.6, 0.8])
        axes.set_xlabel("predicted P(adequate)")
    panels[0][0].set_ylabel("share that was adequate")
    headline(
        figure,
        "Can the predicted adequacy be believed?",
        f"15 bins of equally many prompts, bars: 95 % binomial; on the dashed line saying and "
        f"happening agree ({pooled[0].calibration.count:,} held-out prompts).",
    )
    return figure


def draw_tasks(results: Results) -> Any:
    """Draw the frontier of every task by itself, cost as a share of always-large's there."""
    tasks = [one for one in results.tasks if one.prompts >= MIN_TASK_PROMPTS] or list(results.tasks)
    columns = min(3, len(tasks))
    lines = -(-len(tasks) // columns)
    figure, panels = plt.subplots(
        lines, columns, figsize=(10.0, 0.95 + 2.85 * lines), squeeze=False, sharex=True
    )
    height = figure.get_figheight()
    figure.subplots_adjust(
        left=0.07, right=0.985, top=1 - 1.02 / height, bottom=0.55 / height, hspace=0.3, wspace=0.17
    )
    for axes in panels.flat[len(tasks) :]:
        axes.set_visible(False)
    for index, (axes, task) in enumerate(zip(panels.flat, tasks, strict=False)):
        _draw_task(axes, task, named=index == 0)
        if index >= len(tasks) - columns:
            axes.tick_params(labelbottom=True)
            axes.set_xlabel(f"share of always-{results.tiers[-1].name}'s cost")
        if index % columns == 0:
            axes.set_ylabel("mean quality (0 to 1)")
    headline(
        figure,
        "The frontier inside each task",
        "Where this router (solid) leaves the mix of single tiers (dashed), it knows more than the "
        "task. Dotted: oracle. Circles: single tiers.",
    )
    return figure


def _draw_task(axes: Any, task: TaskResult, *, named: bool) -> None:
    large = task.tiers[-1]
    styles: dict[str, dict[str, Any]] = {
        "zero_router": {"linestyle": (0, (4, 2)), "linewidth": 1.3},
        "oracle": {"linestyle": (0, (1, 1.6)), "linewidth": 1.5},
        "router_trade_off": {"linewidth": 2.3},
    }
    shown = [one for one in task.routers if one.router in styles]
    for one in sorted(shown, key=lambda router: list(styles).index(router.router)):
        axes.plot(
            [point.cost_usd_per_1k / large.cost_usd_per_1k for point in one.hull],
            [point.quality for point in one.hull],
            color=COLOURS[one.router],
            solid_capstyle="round",
            **styles[one.router],
        )
    axes.plot(
        [tier.cost_usd_per_1k / large.cost_usd_per_1k for tier in task.tiers],
        [tier.quality for tier in task.tiers],
        "o", color=PAPER, markeredgecolor=MUTED, markeredgewidth=1.3, markersize=5, zorder=5,
    )  # fmt: skip
    axes.set_title(f"{task.task}  (n = {task.prompts})")
    axes.set_xlim(-0.03, 1.08)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    if named:
        for one in shown:
            words, offset, side = _TASK_NAMES[one.router]
            middle = one.hull[max(len(one.hull) // 2, len(one.hull) - 2)]
            axes.annotate(
                words, (middle.cost_usd_per_1k / large.cost_usd_per_1k, middle.quality),
                xytext=offset, textcoords="offset points", fontsize=8.5, ha=side,
                color=COLOURS[one.router],
            )  # fmt: skip


def _cycle(count: int) -> list[str]:
    return [TIER_COLOURS[i % len(TIER_COLOURS)] for i in range(count)]
