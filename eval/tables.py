"""Results as aligned text for a terminal. Drawing is ``eval.plots``, HTML is ``eval.report``."""

from collections.abc import Callable, Sequence

from eval.cells import percent, with_interval
from eval.results import Results, RouteLLMRow, RouterResult
from eval.tables_detail import (
    Rows,
    calibration_rows,
    difference_rows,
    knowledge_rows,
    noise_rows,
    task_auroc_rows,
    task_rows,
)


def frontier_rows(results: Results) -> Rows:
    """List the frontier: share of always-large cost per level, and AIQ, with 95 % intervals."""
    head = ["router", *level_names(results), "AIQ"]
    return [head, *(frontier_row(router) for router in results.routers)]


def frontier_row(router: RouterResult) -> list[str]:
    """Format one router's row."""
    return [
        router.title,
        *(with_interval(cell.share) for cell in router.cost_shares),
        with_interval(router.aiq),
    ]


def level_names(results: Results) -> list[str]:
    """Name the quality levels of the table's columns."""
    return [percent(cell.level) for cell in results.routers[0].cost_shares]


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
    blocks = ["\n".join(_origin_lines(results)), *tables(results, aligned)]
    return "\n\n".join([*blocks, "\n".join(_detail_lines(results))])


def tables(results: Results, draw: Callable[[Rows], str]) -> list[str]:
    """Draw every table of an evaluation under a line that says what it shows."""
    large = results.tiers[-1].name
    levels = [cell.level for cell in results.routers[0].cost_shares]
    titled = [
        (
            f"Share of always-{large}'s cost that keeps a share of its quality (lower is better)",
            frontier_rows(results),
        ),
        (
            "This router minus each other one, paired by prompt; * = the interval excludes 0",
            difference_rows(results),
        ),
        ("Luck alone: mean and central 95 % of random routers", noise_rows(results)),
        (
            f"AUROC of what is foreseen; gain = {large} adequate and {results.tiers[0].name} not",
            knowledge_rows(results),
        ),
        ("The same inside each task", task_auroc_rows(results)),
        ("Calibration of each tier on each slice", calibration_rows(results)),
        *((f"Cost shares inside each task at {percent(x)}", task_rows(results, x)) for x in levels),
    ]
    return [f"{title}\n\n{draw(rows)}" for title, rows in titled]


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
    goal, pair = results.default_goal, results.pair
    shares = ", ".join(f"{share.share:.0%} {share.tier}" for share in goal.tier_shares)
    default = (
        f"default goal ({goal.goal}): {with_interval(goal.quality_share)} of the quality at "
        f"{with_interval(goal.cost_share)} of the cost; {shares}"
    )
    gap = (
        f"{pair.strong_tier} against {pair.weak_tier}: APGR {with_interval(pair.apgr)} "
        f"({pair.apgr_eleven_points:.3f} by RouteLLM's eleven points), "
        f"CPT50 {with_interval(pair.cpt50)}, CPT80 {with_interval(pair.cpt80)}"
    )
    return [default, gap]


def aligned(rows: Sequence[Sequence[str]]) -> str:
    """Align rows of cells, the first of which is the head."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = [
        " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in rows
    ]
    return "\n".join([lines[0], "-+-".join("-" * width for width in widths), *lines[1:]])


def markdown(rows: Sequence[Sequence[str]]) -> str:
    """Draw rows of cells, the first of which is the head, as a Markdown table."""
    lines = ["| " + " | ".join(row) + " |" for row in rows]
    return "\n".join([lines[0], "|" + "---|" * len(rows[0]), *lines[1:]])
