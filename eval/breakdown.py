"""Beyond the pooled frontier: the default goal, RouteLLM's pair metrics, each task by itself.

What the router knows beyond the task's name is ``eval.knowledge``. The pooled rows and the
resamples come from ``eval.figures``.
"""

from collections.abc import Sequence

import numpy as np

from eval.arrays import BoolArray, FloatArray
from eval.bootstrap import weighted_means
from eval.figures import (
    PER_1K,
    Resamples,
    cost_shares,
    figures,
    hull_points,
    interval,
    restrict,
)
from eval.metrics import apgr, cpt, strong_share_curve
from eval.outcomes import OutcomeTable
from eval.recorded import Recorded, Sweep
from eval.replay import Replay
from eval.results import (
    DefaultGoal,
    PairMetrics,
    TaskResult,
    TaskRouter,
    TierResult,
    TierShare,
)
from eval.routellm import PairBenchmark, eleven_point_curve, their_apgr
from router.catalog import Catalog
from router.errors import DataError

TASK_ROUTERS: tuple[str, ...] = (
    "router_trade_off", "knn", "prompt_length", "zero_router", "litellm_rules", "litellm_v2",
    "oracle",
)  # fmt: skip


def default_goal(routed: Replay, recorded: Recorded, draws: Resamples) -> DefaultGoal:
    """Say what the catalog's default goal costs and keeps, beside always-large."""
    sweep = routed.default_goal
    cost_usd = weighted_means(draws.weights, sweep.cost_usd)[:, 0]
    quality = weighted_means(draws.weights, sweep.quality)[:, 0]
    dearest = np.array([point.cost_usd for point in draws.reference])
    best = np.array([point.quality for point in draws.reference])
    counts = np.bincount(routed.default_tier, minlength=len(recorded.tiers))
    return DefaultGoal(
        goal=sweep.labels[0],
        cost_usd_per_1k=interval(cost_usd * PER_1K),
        quality=interval(quality),
        cost_share=interval(cost_usd / dearest),
        quality_share=interval(quality / best),
        tier_shares=tuple(
            TierShare(tier, float(count / counts.sum()))
            for tier, count in zip(recorded.tiers, counts, strict=True)
        ),
    )


def pair_metrics(adequacy: FloatArray, recorded: Recorded, draws: Resamples) -> PairMetrics:
    """Compute APGR and CPT for the highest against the lowest tier, by predicted gain.

    Args:
        adequacy: (n, tiers) predicted.
        recorded: The truth.
        draws: Resamples of the n prompts.
    """
    scores = adequacy[:, -1] - adequacy[:, 0]
    weak, strong = recorded.quality[:, 0], recorded.quality[:, -1]
    rows = np.full((len(draws.weights), 3), np.nan)
    for row, weights in enumerate(draws.weights):
        curve = strong_share_curve(scores, weak, strong, weights)
        if curve.quality[-1] > curve.quality[0]:
            rows[row] = apgr(curve), cpt(curve, 0.5), cpt(curve, 0.8)
    bench = PairBenchmark("held_out", weak, strong)
    try:
        eleven = their_apgr(bench, eleven_point_curve(bench, scores))
    except DataError:  # too many ties: their procedure refuses as well
        eleven = float("nan")
    return PairMetrics(
        weak_tier=recorded.tiers[0],
        strong_tier=recorded.tiers[-1],
        apgr=interval(rows[:, 0]),
        cpt50=interval(rows[:, 1]),
        cpt80=interval(rows[:, 2]),
        apgr_eleven_points=eleven,
    )


def task_results(
    catalog: Catalog,
    test: OutcomeTable,
    recorded: Recorded,
    sweeps: Sequence[Sweep],
    draws: Resamples,
) -> tuple[TaskResult, ...]:
    """Look at every task by itself, with the same resamples."""
    results = []
    for task in np.unique(test.task):
        rows = test.task == task
        part = restrict(draws, recorded, rows)
        results.append(
            TaskResult(
                task=str(task),
                prompts=int(rows.sum()),
                tiers=tuple(
                    TierResult(
                        tier.name,
                        tier.reference_model,
                        float(recorded.cost_usd[rows, i].mean() * PER_1K),
                        float(recorded.quality[rows, i].mean()),
                    )
                    for i, tier in enumerate(catalog.tiers)
                ),
                routers=tuple(
                    _task_router(sweep, rows, part)
                    for sweep in sweeps
                    if sweep.name in TASK_ROUTERS
                ),
            )
        )
    return tuple(results)


def _task_router(sweep: Sweep, rows: BoolArray, draws: Resamples) -> TaskRouter:
    found = figures(
        Sweep(
            sweep.name,
            sweep.title,
            sweep.kind,
            sweep.labels,
            sweep.cost_usd[rows],
            sweep.quality[rows],
        ),
        draws,
    )
    return TaskRouter(sweep.name, hull_points(found), cost_shares(found))
