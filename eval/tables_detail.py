"""The finer tables of an evaluation as rows of cells: differences, luck, knowledge, slices, tasks.

Each takes ``Results`` to rows whose first is the head; ``eval.tables`` and ``eval.report`` draw
them.
"""

import math

from eval.bootstrap import Interval
from eval.cells import figure_name, percent, short, signed, verdict, with_interval
from eval.results import Difference, Results, TierCalibration

Rows = list[list[str]]
ECE_AIM = 0.03


def difference_rows(results: Results) -> Rows:
    """Set this router against every baseline: a row each, a column per figure.

    A cell is the paired difference with its interval; ``*`` marks one whose interval excludes 0.
    The last column is the largest difference that the row's figures show four times out of five.
    """
    figures = list(dict.fromkeys(one.figure for one in results.differences))
    by_baseline: dict[str, dict[str, Difference]] = {}
    for one in results.differences:
        by_baseline.setdefault(one.baseline, {})[one.figure] = one
    titles = {router.name: router.title for router in results.routers}
    head = [
        "this router against",
        *(figure_name(figure) for figure in figures),
        "shown 4 times in 5",
    ]
    rows = [
        [
            titles.get(baseline, baseline),
            *(_difference_cell(found.get(figure)) for figure in figures),
            short(max(one.smallest_shown for one in found.values())),
        ]
        for baseline, found in by_baseline.items()
    ]
    return [head, *rows]


def noise_rows(results: Results) -> Rows:
    """Show what random routers score: mean and central 95 %."""
    rows = [[figure_name(one.figure), with_interval(one.random_router)] for one in results.noise]
    return [["figure", "random routers"], *rows]


def knowledge_rows(results: Results) -> Rows:
    """Show the AUROC of every foreseen event: pooled, within a task, by the task's name alone."""
    rows = [
        [
            event_name(one.event),
            with_interval(one.pooled),
            with_interval(one.within_task),
            with_interval(one.task_mean_pooled),
        ]
        for one in results.task_knowledge
    ]
    return [["event", "all pairs", "pairs within a task", "told the task's name, all pairs"], *rows]


def task_auroc_rows(results: Results) -> Rows:
    """Show the AUROC of every event inside each task: a row per task."""
    knowledge = results.task_knowledge
    head = ["AUROC inside", *(event_name(one.event) for one in knowledge)]
    rows = [
        [single.task, *(with_interval(one.tasks[i].auroc) for one in knowledge)]
        for i, single in enumerate(knowledge[0].tasks)
    ]
    return [head, *rows]


def calibration_rows(results: Results) -> Rows:
    """Show every tier on every slice: ECE beside a flawless predictor's, Brier gain, verdicts."""
    head = [
        "slice", "tier", "prompts", "adequate", "predicted", "ECE", "ECE if flawless", "Brier",
        "base rate's", "gain on it", "",
    ]  # fmt: skip
    rows = [
        [
            one.task or "all tasks",
            one.tier,
            f"{one.calibration.count:,}",
            short(one.calibration.base_rate),
            short(one.calibration.mean_predicted),
            with_interval(one.ece),
            with_interval(one.ece_if_calibrated),
            short(one.calibration.brier),
            short(one.calibration.brier_base_rate),
            signed(one.brier_gain),
            slice_verdict(one),
        ]
        for one in results.calibration
    ]
    return [head, *rows]


def slice_verdict(one: TierCalibration) -> str:
    """Say what is wrong with a tier on a slice, if anything is.

    An ECE above the aim counts only above what luck gives a flawless predictor; a Brier score above
    the base rate's counts as it stands.
    """
    faults = []
    if one.ece.value > max(ECE_AIM, one.ece_if_calibrated.high):
        faults.append("miscalibrated")
    if one.brier_gain.value <= 0:
        faults.append("Brier not below base rate")
    return ", ".join(faults)


def task_rows(results: Results, level: float) -> Rows:
    """Show the cost share at a level inside each task: a row per task, a column per router."""
    titles = {router.name: router.title for router in results.routers}
    head = [
        f"{percent(level)} inside",
        "prompts",
        *(titles.get(one.router, one.router) for one in results.tasks[0].routers),
    ]
    rows = []
    for task in results.tasks:
        cells = [
            with_interval(cell.share)
            for one in task.routers
            for cell in one.cost_shares
            if math.isclose(cell.level, level)
        ]
        rows.append([task.task, f"{task.prompts:,}", *cells])
    return [head, *rows]


def event_name(event: str) -> str:
    """Name an event for people."""
    return event.replace("adequate:", "adequate, ")


def _difference_cell(one: Difference | None) -> str:
    if one is None or _unknown(one.difference):
        return "-"
    mark = "" if verdict(one) == "not distinguishable" else "*"
    return f"{signed(one.difference)}{mark}"


def _unknown(one: Interval) -> bool:
    return math.isnan(one.value)
