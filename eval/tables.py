"""Results as aligned text for a terminal. Drawing is ``eval.plots``, HTML is ``eval.report``."""

import math
from collections.abc import Iterable, Sequence

from eval.bootstrap import Interval
from eval.results import Difference, Results, RouteLLMRow, RouterResult

COST_SHARE_PREFIX = "cost_share@"


def frontier_table(results: Results) -> str:
    """Print the frontier: share of always-large cost per level, and AIQ, with 95 % intervals."""
    head = ["router", *level_names(results), "AIQ"]
    return aligned([head, *(frontier_row(router) for router in results.routers)])


def frontier_row(router: RouterResult) -> list[str]:
    """Format one router's row."""
    return [
        router.title,
        *(with_interval(cell.share) for cell in router.cost_shares),
        with_interval(router.aiq),
    ]


def level_names(results: Results) -> list[str]:
    """Name the quality levels of the table's columns."""
    return [f"{cell.level:.0%}" for cell in results.routers[0].cost_shares]


def difference_lines(differences: Iterable[Difference]) -> list[str]:
    """Say each paired difference in a line; the router is better where the verdict says so."""
    return [
        f"{one.router} - {one.baseline}, {figure_name(one.figure)}: "
        f"{signed(one.difference)} {verdict(one)}"
        for one in differences
    ]


def figure_name(figure: str) -> str:
    """Name a figure for people."""
    if figure.startswith(COST_SHARE_PREFIX):
        return f"cost share at {float(figure.removeprefix(COST_SHARE_PREFIX)):.0%} quality"
    return figure.upper()


def verdict(one: Difference) -> str:
    """Judge a paired difference by its interval: better, worse or not distinguishable."""
    lower_is_better = one.figure.startswith(COST_SHARE_PREFIX)
    low, high = one.difference.low, one.difference.high
    if low > 0 or high < 0:
        return "better" if (high < 0) == lower_is_better else "worse"
    return "not distinguishable"


def routellm_table(rows: Sequence[RouteLLMRow]) -> str:
    """Print RouteLLM's figures beside ours."""
    head = ["benchmark", "figure", "RouteLLM", "ours", "tolerance", "", "source"]
    lines = [
        [
            row.benchmark,
            row.figure,
            f"{row.published:g}",
            f"{row.ours:.{decimals(row)}f}",
            f"{row.tolerance:.2g}",
            "ok" if agrees(row) else "DIFFERS",
            row.source,
        ]
        for row in rows
    ]
    return aligned([head, *lines])


def agrees(row: RouteLLMRow) -> bool:
    """Say whether a figure lands on the published one."""
    return abs(row.ours - row.published) <= row.tolerance + 1e-9


def decimals(row: RouteLLMRow) -> int:
    """Pick decimals so that the tolerance can be seen."""
    if row.tolerance == 0:
        return 0
    return 3 if row.published < 2 or row.tolerance < 0.05 else 2


def summary(results: Results) -> str:
    """Print a whole evaluation."""
    large = results.tiers[-1].name
    above = (
        f"Share of always-{large}'s cost that keeps a share of its quality "
        "(95 % intervals; lower is better)"
    )
    blocks = [
        _origin_lines(results),
        [above, frontier_table(results)],
        difference_lines(results.differences),
        _detail_lines(results),
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def _origin_lines(results: Results) -> list[str]:
    origin = results.provenance
    tiers = ", ".join(
        f"{tier.name} {tier.quality:.3f} at ${tier.cost_usd_per_1k:.3f}" for tier in results.tiers
    )
    what = (
        f"artifact {origin.artifact_version}, catalog {origin.catalog_name} "
        f"{origin.catalog_version}, data {origin.data_sha256[:12]}; {origin.prompts_held_out} "
        f"held-out prompts in {origin.groups_held_out} groups, {origin.draws} resamples"
    )
    notes = [f"note: {note}" for note in origin.notes]
    return [what, *notes, f"quality and USD per 1,000 prompts of each tier: {tiers}"]


def _detail_lines(results: Results) -> list[str]:
    goal, knowledge, pair = results.default_goal, results.task_knowledge, results.pair
    shares = ", ".join(f"{share.share:.0%} {share.tier}" for share in goal.tier_shares)
    believed = "; ".join(
        f"{one.tier} ECE {one.calibration.ece_equal_mass:.3f}, Brier {one.calibration.brier:.3f} "
        f"(base rate {one.calibration.brier_base_rate:.3f})"
        for one in results.calibration
        if not one.task
    )
    default = (
        f"default goal ({goal.goal}): {with_interval(goal.quality_share)} of the quality at "
        f"{with_interval(goal.cost_share)} of the cost; {shares}"
    )
    auroc = (
        f"AUROC of the predicted gain: {with_interval(knowledge.pooled)} pooled, "
        f"{with_interval(knowledge.within_task)} within a task, "
        f"{with_interval(knowledge.task_mean_pooled)} pooled by the task's name alone"
    )
    gap = (
        f"{pair.strong_tier} against {pair.weak_tier}: APGR {with_interval(pair.apgr)} "
        f"({pair.apgr_eleven_points:.3f} by RouteLLM's eleven points), "
        f"CPT50 {with_interval(pair.cpt50)}, CPT80 {with_interval(pair.cpt80)}"
    )
    return [default, auroc, gap, f"calibration: {believed}"]


def with_interval(one: Interval) -> str:
    """Format a figure with its interval: ``.853 [.801, .902]``; ``-`` where it is undefined."""
    if math.isnan(one.value):
        return "-"
    return f"{short(one.value)} [{short(one.low)}, {short(one.high)}]"


def signed(one: Interval) -> str:
    """Format a difference with its sign and interval."""
    return f"{one.value:+.3f} [{one.low:+.3f}, {one.high:+.3f}]"


def short(value: float) -> str:
    """Format a share with three decimals and no leading zero."""
    return f"{value:.3f}".replace("0.", ".", 1) if abs(value) < 1 else f"{value:.3f}"


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Align rows of cells, the first of which is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-+-".join("-" * width for width in widths), *lines[1:]])
