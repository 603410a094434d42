"""Beyond the pooled frontier: the default goal, RouteLLM's pair metrics, each task by itself.

The pooled rows and the resamples come from ``eval.figures``.
"""

import numpy as np

from eval.arrays import BoolArray, FloatArray, StrArray
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
from eval.metrics import apgr, cpt, pairs_won, strong_share_curve
from eval.outcomes import OutcomeTable
from eval.recorded import Recorded, Sweep
from eval.replay import Replay
from eval.results import (
    DefaultGoal,
    PairMetrics,
    TaskKnowledge,
    TaskResult,
    TaskRouter,
    TierResult,
    TierShare,
)
from eval.routellm import PairBenchmark, eleven_point_curve, their_apgr
from router.catalog import Catalog
from router.errors import DataError

TASK_ROUTERS: tuple[str, ...] = ("router_trade_off", "zero_router", "oracle")


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


def task_knowledge(
    catalog: Catalog,
    adequacy: FloatArray,
    told: FloatArray,
    tasks: StrArray,
    recorded: Recorded,
    draws: Resamples,
) -> TaskKnowledge:
    """Separate what the router knows within a task from what the task's name tells.

    Args:
        catalog: Says what counts as adequate.
        adequacy: (n, tiers) predicted.
        told: (n, tiers) share adequate among known prompts of the same task.
        tasks: (n,) tasks.
        recorded: The truth.
        draws: Resamples of the n prompts.
    """
    gained = gains(recorded, catalog.adequate_quality)
    predicted = adequacy[:, -1] - adequacy[:, 0]
    one_task = np.full(len(tasks), "", dtype=np.str_)
    return TaskKnowledge(
        pooled=interval(_auroc_within(one_task, predicted, gained, draws.weights)),
        within_task=interval(_auroc_within(tasks, predicted, gained, draws.weights)),
        task_mean_pooled=interval(
            _auroc_within(one_task, told[:, -1] - told[:, 0], gained, draws.weights)
        ),
    )


def task_results(
    catalog: Catalog,
    test: OutcomeTable,
    recorded: Recorded,
    routed: Replay,
    sweeps: list[Sweep],
    draws: Resamples,
) -> tuple[TaskResult, ...]:
    """Look at every task by itself, with the same resamples."""
    gained = gains(recorded, catalog.adequate_quality)
    predicted = routed.adequacy[:, -1] - routed.adequacy[:, 0]
    results = []
    for task in np.unique(test.task):
        rows = test.task == task
        part = restrict(draws, recorded, rows)
        won, pairs = pairs_won(predicted[rows], gained[rows], part.weights[:1])
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
                gain_auroc=float(won[0] / pairs[0]) if pairs[0] > 0 else float("nan"),
            )
        )
    return tuple(results)


def gains(recorded: Recorded, adequate_quality: float) -> BoolArray:
    """Find the prompts where the highest tier is adequate and the lowest is not: (n,)."""
    adequate = recorded.quality >= adequate_quality
    gained: BoolArray = adequate[:, -1] & ~adequate[:, 0]
    return gained


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


def _auroc_within(
    tasks: StrArray, scores: FloatArray, positive: BoolArray, weights: FloatArray
) -> FloatArray:
    """AUROC among pairs of the same task: (draws,), NaN where there is no pair."""
    won, pairs = np.zeros(len(weights)), np.zeros(len(weights))
    for task in np.unique(tasks):
        rows = tasks == task
        more_won, more_pairs = pairs_won(scores[rows], positive[rows], weights[:, rows])
        won += more_won
        pairs += more_pairs
    result: FloatArray = np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)
    return result
