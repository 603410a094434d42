"""Pictures of an evaluation, drawn from ``Results`` only: the frontier and the cost shares.

Nothing is computed here. Calibration and tasks are drawn in ``eval.plots_detail``; looks are
``eval.style``.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib import pyplot as plt

from eval.bootstrap import Interval
from eval.plots_detail import draw_calibration, draw_tasks
from eval.results import CurvePoint, Results, RouterResult, TierResult
from eval.style import COLOURS, GREY, INK, MUTED, PAPER, headline

_SHARE_LEVELS = 4


def pictures() -> dict[str, Callable[[Results], Any]]:
    """Name every picture and the function that draws it as a matplotlib figure."""
    return {
        "frontier": draw_frontier,
        "cost_shares": draw_cost_shares,
        "calibration": draw_calibration,
        "tasks": draw_tasks,
    }


def draw_frontier(results: Results) -> Any:
    """Draw quality against USD per 1,000 prompts: the router's hull, its band, and the others."""
    figure, axes = plt.subplots(figsize=(9.2, 5.6))
    figure.subplots_adjust(left=0.075, right=0.975, top=0.855, bottom=0.11)
    large = results.tiers[-1]
    by_name = {router.name: router for router in results.routers}
    for name, style in (
        ("zero_router", {"linestyle": (0, (4, 2)), "linewidth": 1.4}),
        ("perfect_verifier", {"linestyle": (0, (1, 1.6)), "linewidth": 1.6}),
        ("oracle", {"linestyle": (0, (1, 1.6)), "linewidth": 1.6}),
        ("knn", {"linewidth": 1.1}),
        ("task_mean", {"linewidth": 1.6}),
        ("router_trade_off", {"linewidth": 2.8}),
    ):
        if name in by_name:
            _line(axes, by_name[name].hull, large, color=COLOURS[name], **style)
    router = by_name["router_trade_off"]
    band = router.band
    axes.fill_between(
        [point.cost_usd_per_1k for point in band],
        [point.quality_low for point in band],
        [point.quality_high for point in band],
        color=COLOURS[router.name],
        alpha=0.13,
        linewidth=0,
    )
    _mark_tiers(axes, results)
    _mark_default(axes, results)
    axes.set_xlim(0, large.cost_usd_per_1k * 1.07)
    bottom = min(tier.quality for tier in results.tiers)
    top = max(point.quality for one in results.routers for point in one.hull)
    axes.set_ylim(bottom - 0.13 * (top - bottom), top + 0.09 * (top - bottom))
    _name_curves(axes, by_name, large)
    axes.set_xlabel("mean cost, USD per 1,000 prompts")
    axes.set_ylabel("mean quality (0 to 1)")
    headline(
        figure,
        f"What a dollar buys on {results.provenance.prompts_held_out:,} held-out prompts",
        "Upper hull of each router's settings. Shaded: 95 % interval of this router's quality. "
        "Diamond: its default goal.",
    )
    return figure


def draw_cost_shares(results: Results) -> Any:
    """Draw the share of always-large's cost each router needs, one panel per level of quality."""
    rows = [one for one in results.routers if one.name != "best_single_tier"][::-1]
    figure, panels = plt.subplots(
        1, _SHARE_LEVELS, figsize=(10.4, 0.9 + 0.42 * len(rows) + 0.75), sharey=True
    )
    height = figure.get_figheight()
    figure.subplots_adjust(
        left=0.27, right=0.985, top=1 - 0.98 / height, bottom=0.62 / height, wspace=0.12
    )
    for column, axes in enumerate(panels):
        for row, router in enumerate(rows):
            cell = router.cost_shares[column]
            _dot(axes, cell.share, row, COLOURS.get(router.name, GREY), bold=_is_ours(router))
        axes.set_title(f"{rows[0].cost_shares[column].level:.0%} of its quality")
        axes.set_xlim(0, 1.06)
        axes.set_ylim(-0.6, len(rows) - 0.35)
        axes.set_xticks([0, 0.25, 0.5, 0.75, 1.0], ["0", "", "50%", "", "100%"])
        axes.tick_params(axis="x", labelsize=8.5)
        axes.grid(visible=False, axis="y")
    panels[0].set_yticks(range(len(rows)), [router.title for router in rows])
    for label, router in zip(panels[0].get_yticklabels(), rows, strict=True):
        label.set_color(INK)
        label.set_fontweight("bold" if _is_ours(router) else "normal")
    figure.supxlabel(
        f"share of always-{results.tiers[-1].name}'s cost (lower is better)",
        fontsize=10, color=MUTED, x=0.63, y=0.12 / height,
    )  # fmt: skip
    headline(
        figure,
        f"How much of always-{results.tiers[-1].name}'s bill each router needs",
        "Dot: measured on held-out prompts; bar: 95 % interval. "
        "Verifier and oracle know the answers: bounds, not routers.",
    )
    return figure


def _line(axes: Any, hull: tuple[CurvePoint, ...], large: TierResult, **style: Any) -> None:
    """Draw a hull, flat from its best setting on."""
    costs = [point.cost_usd_per_1k for point in hull]
    quality = [point.quality for point in hull]
    end = max(large.cost_usd_per_1k, costs[-1])
    axes.plot([*costs, end], [*quality, quality[-1]], solid_capstyle="round", **style)


def _name_curves(axes: Any, by_name: dict[str, RouterResult], large: TierResult) -> None:
    """Write each curve's name: the bounds on the curve, the others in the free corner below."""
    for name, words, share, offset, side in (
        ("oracle", "oracle (knows every answer)", 0.19, (4, 7), "left"),
        ("perfect_verifier", "perfect verifier (cascade)", 0.44, (-9, 1), "right"),
    ):
        if name in by_name:
            point = _on_hull(by_name[name], share * large.cost_usd_per_1k)
            axes.annotate(
                words, point, xytext=offset, textcoords="offset points", ha=side,
                color=COLOURS[name], fontsize=9.5,
            )  # fmt: skip
    named = (
        ("router_trade_off", "this router"),
        ("knn", "nearest neighbours"),
        ("task_mean", "task mean (told the task's name)"),
        ("zero_router", "zero router (single tiers, mixed)"),
    )
    present = [(name, words) for name, words in named if name in by_name]
    for index, (name, words) in enumerate(present):
        point = _on_hull(by_name[name], (0.57 - 0.09 * index) * large.cost_usd_per_1k)
        axes.annotate(
            words, point, xytext=(0.60, 0.345 - 0.075 * index), textcoords="axes fraction",
            color=COLOURS[name], fontsize=9.5, va="center",
            fontweight="bold" if name == "router_trade_off" else "normal",
            arrowprops={"arrowstyle": "-", "color": COLOURS[name], "linewidth": 0.8,
                        "relpos": (0, 0.5), "shrinkA": 3, "shrinkB": 2},
        )  # fmt: skip


def _on_hull(router: RouterResult, cost: float) -> tuple[float, float]:
    costs = [point.cost_usd_per_1k for point in router.hull]
    return cost, float(np.interp(cost, costs, [point.quality for point in router.hull]))


def _mark_tiers(axes: Any, results: Results) -> None:
    for tier in results.tiers:
        axes.plot(
            tier.cost_usd_per_1k, tier.quality, "o", color=PAPER, markeredgecolor=INK,
            markeredgewidth=1.5, markersize=7, zorder=6,
        )  # fmt: skip
        axes.annotate(
            f"always {tier.name}", (tier.cost_usd_per_1k, tier.quality), xytext=(2, -16),
            textcoords="offset points", fontsize=9, color=INK,
            ha="left" if tier is not results.tiers[-1] else "center",
        )  # fmt: skip


def _mark_default(axes: Any, results: Results) -> None:
    goal = results.default_goal
    axes.plot(
        goal.cost_usd_per_1k.value, goal.quality.value, "D", color=COLOURS["router_trade_off"],
        markeredgecolor=PAPER, markersize=8.5, zorder=7,
    )  # fmt: skip


def _dot(axes: Any, share: Interval, row: int, colour: str, *, bold: bool) -> None:
    axes.plot(
        [share.low, share.high], [row, row], color=colour, alpha=0.4,
        linewidth=5 if bold else 3.5, solid_capstyle="round",
    )  # fmt: skip
    axes.plot(share.value, row, "o", color=colour, markersize=7.5 if bold else 6)
    inside = share.high > 0.82
    axes.annotate(
        f"{share.value:.0%}", (share.low if inside else share.high, row),
        xytext=(-6 if inside else 6, 0), textcoords="offset points", fontsize=8.5,
        va="center", ha="right" if inside else "left", color=INK,
        fontweight="bold" if bold else "normal",
    )  # fmt: skip


def _is_ours(router: RouterResult) -> bool:
    return router.kind == "artifact"
