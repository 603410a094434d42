"""The tables of the HTML report, each from ``Results`` to a string of HTML.

The page around them is ``eval.report``.
"""

import math
from collections.abc import Iterable, Sequence
from html import escape

from eval.bootstrap import Interval
from eval.cells import figure_name, short, signed, verdict
from eval.results import Results, RouterResult, TaskResult
from eval.tables import agrees, decimals
from eval.tables_detail import Rows, calibration_rows, event_name, noise_rows


def tiers_html(results: Results) -> str:
    """Build the table of single tiers."""
    rows = [
        [
            escape(tier.name),
            escape(tier.reference_model),
            f"{tier.quality:.3f}",
            f"{tier.cost_usd_per_1k:.3f}",
        ]
        for tier in results.tiers
    ]
    return table(["tier", "reference model", "mean quality", "USD per 1,000 prompts"], rows)


def frontier_html(routers: Iterable[RouterResult], levels: Sequence[str]) -> str:
    """Build the frontier's table; a row's class is the router's kind."""
    rows, classes = [], []
    for router in routers:
        rows.append(
            [
                escape(router.title),
                *(_interval(cell.share) for cell in router.cost_shares),
                _interval(router.aiq),
                _number(router.aiq_routerbench_code),
            ]
        )
        classes.append(router.kind)
    return table(["router", *levels, "AIQ", "AIQ, RouterBench's code"], rows, classes)


def differences_html(results: Results) -> str:
    """Build the table of paired differences."""
    titles = {router.name: router.title for router in results.routers}
    rows = [
        [
            escape(titles.get(one.baseline, one.baseline)),
            figure_name(one.figure),
            signed(one.difference),
            short(one.p_value),
            short(one.smallest_shown),
            verdict(one),
        ]
        for one in results.differences
    ]
    head = [
        "this router against", "figure", "difference, paired by prompt", "p",
        "shown four times out of five", "",
    ]  # fmt: skip
    return table(head, rows, [verdict(one).replace(" ", "-") for one in results.differences])


def noise_html(results: Results) -> str:
    """Build the table of what luck alone gives."""
    return note(
        "This router's own predictions, each dealt to another prompt: mean and central 95 % of "
        "many such routers. A figure inside shows nothing."
    ) + _table(noise_rows(results))


def task_knowledge_html(results: Results) -> str:
    """Build the tables about knowing the task, and of RouteLLM's metrics."""
    pair = results.pair
    strong, weak = escape(pair.strong_tier), escape(pair.weak_tier)
    auroc = [
        [
            escape(event_name(one.event)),
            _interval(one.pooled),
            _interval(one.within_task),
            _interval(one.task_mean_pooled),
            *(_interval(task.auroc) for task in one.tasks),
        ]
        for one in results.task_knowledge
    ]
    tasks = [escape(task.task) for task in results.task_knowledge[0].tasks]
    gap = [
        ["APGR, exact", _interval(pair.apgr)],
        ["APGR by RouteLLM's eleven points", _number(pair.apgr_eleven_points)],
        ["CPT50, exact", _interval(pair.cpt50)],
        ["CPT80, exact", _interval(pair.cpt80)],
    ]
    return (
        note(f"AUROC of what is foreseen; gain = “{strong} adequate, {weak} not”; 0.5 is a coin.")
        + table(
            [
                "event",
                "all pairs",
                "pairs within a task",
                "told the task’s name, all pairs",
                *tasks,
            ],
            auroc,
        )
        + note(f"RouteLLM's metrics for {strong} against {weak}, routed by the predicted gain.")
        + table(["metric", "value"], gap)
    )


def calibration_html(results: Results) -> str:
    """Build the calibration table."""
    classes = ["" if one.task else "artifact" for one in results.calibration]
    return note(
        "ECE over 15 bins of equal mass; a flawless predictor shows the next column by luck. "
        "Brier: lower is better, gain on the slice's own base rate above 0 is better."
    ) + _table(calibration_rows(results), classes)


def tasks_html(tasks: Sequence[TaskResult]) -> str:
    """Build the table of tasks."""
    rows = []
    for task in tasks:
        shares = {one.router: one.cost_shares for one in task.routers}
        rows.append(
            [
                escape(task.task),
                f"{task.prompts:,}",
                " / ".join(f"{tier.quality:.2f}" for tier in task.tiers),
                *(
                    _interval(shares[name][column].share)
                    for column in (0, 2)
                    for name in ("router_trade_off", "zero_router")
                ),
            ]
        )
    names = " / ".join(escape(tier.name) for tier in tasks[0].tiers)
    head = [
        "task", "prompts", f"quality of {names}", "99 %: this router", "99 %: zero router",
        "95 %: this router", "95 %: zero router",
    ]  # fmt: skip
    return table(head, rows)


def routellm_html(results: Results) -> str:
    """Build the table of RouteLLM's figures."""
    rows = [
        [
            escape(row.benchmark),
            escape(row.figure),
            f"{row.published:g}",
            f"{row.ours:.{decimals(row)}f}",
            f"{row.tolerance:.2g}",
            "agrees" if agrees(row) else "differs",
            escape(row.source),
        ]
        for row in results.routellm
    ]
    classes = ["" if agrees(row) else "worse" for row in results.routellm]
    head = ["benchmark", "figure", "RouteLLM", "ours", "tolerance", "", "source of theirs"]
    return note(
        "GPT-4-1106 against Mixtral-8x7B on the prompts RouteLLM keeps (arXiv 2406.18665)."
    ) + table(head, rows, classes)


def provenance_html(results: Results) -> str:
    """Build the table of where the figures come from."""
    one = results.provenance
    same = "as" if one.data_matches_artifact else "other than"
    held_out = (
        f"{one.prompts_held_out:,} prompts in {one.groups_held_out:,} duplicate groups; "
        f"baselines learnt from the other {one.prompts_known:,}"
    )
    rows = [
        ["command", f"<code>{escape(one.command)}</code>"],
        ["artifact", escape(one.artifact_version)],
        ["catalog", escape(f"{one.catalog_name} {one.catalog_version}")],
        ["data", f"<code>{escape(one.data_sha256[:16])}</code>, {same} in training"],
        ["held out", held_out],
        ["split", f"seed {one.split_seed}, shares {escape(str(one.split_fractions))}"],
        ["resampling", f"{one.draws:,} resamples of duplicate groups, seed {one.seed}"],
    ]
    return table(["", ""], rows)


def note(text: str) -> str:
    """Build a line of explanation."""
    return f'<p class="note">{text}</p>'


def table(head: Sequence[str], rows: Sequence[Sequence[str]], classes: Sequence[str] = ()) -> str:
    """Build a table of cells that are HTML already; ``classes`` names one class per row."""
    names = list(classes) or [""] * len(rows)
    top = "".join(f"<th>{cell}</th>" for cell in head)
    body = "".join(
        f'<tr class="{name}">' + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>"
        for name, row in zip(names, rows, strict=True)
    )
    header = f"<thead><tr>{top}</tr></thead>" if any(head) else ""
    return f'<div class="scroll"><table>{header}<tbody>{body}</tbody></table></div>'


def _table(rows: Rows, classes: Sequence[str] = ()) -> str:
    escaped = [[escape(cell) for cell in row] for row in rows]
    return table(escaped[0], escaped[1:], classes)


def _interval(one: Interval) -> str:
    if math.isnan(one.value):
        return "–"
    return f"{short(one.value)} <small>{short(one.low)}–{short(one.high)}</small>"


def _number(value: float) -> str:
    return "–" if math.isnan(value) else short(value)
