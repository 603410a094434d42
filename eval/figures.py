"""The figures of a sweep with their resamples: cost shares, AIQ, the hull and its band.

Here a router's per-prompt costs and qualities become one row of the frontier table, and two rows
their paired difference. Which routers there are is decided in ``eval.evaluate``.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray
from eval.bootstrap import Interval, percentile_interval, weighted_means
from eval.frontier import FrontierPoint, cost_share, hull_indices, non_dominated
from eval.metrics import aiq_of_hull
from eval.recorded import Recorded, Sweep
from eval.results import (
    LEVELS,
    BandPoint,
    CostShare,
    CurvePoint,
    Difference,
    RouterResult,
)

PER_1K = 1000.0
BAND_STEPS = 60
AIQ_FIGURE = "aiq"
# Standard errors a true difference must have to be told from zero at 5 % four times out of five.
TOLD_APART_SE = 1.96 + 0.84


@dataclass(frozen=True, slots=True)
class Resamples:
    """Row 0 weighs every prompt alike; the other rows are bootstrap resamples.

    Attributes:
        weights: (1 + draws, n) rows adding up to 1.
        cheapest_usd: (1 + draws,) mean cost of the lowest tier.
        reference: One always-large point per row.
    """

    weights: FloatArray
    cheapest_usd: FloatArray
    reference: tuple[FrontierPoint, ...]


@dataclass(frozen=True, slots=True)
class Figures:
    """Every figure of a router on every row of the resamples.

    Attributes:
        sweep: The router.
        cost_usd: (1 + draws, settings) mean costs.
        quality: (1 + draws, settings) mean qualities.
        cost_shares: (1 + draws, levels).
        reached: (1 + draws, levels) whether the level was reached at all.
        aiq: (1 + draws,); NaN for a single setting, which has no curve.
    """

    sweep: Sweep
    cost_usd: FloatArray
    quality: FloatArray
    cost_shares: FloatArray
    reached: BoolArray
    aiq: FloatArray


def resamples(recorded: Recorded, weights: FloatArray) -> Resamples:
    """Put the plain mean before bootstrap weights and find always-large on every row.

    Args:
        recorded: The truth on n prompts.
        weights: (draws, n) from ``eval.bootstrap.resample_weights``.
    """
    rows = weights.shape[1]
    everything = np.concatenate([np.full((1, rows), 1 / rows), weights])
    costs = weighted_means(everything, recorded.cost_usd[:, [0, -1]])
    quality = weighted_means(everything, recorded.quality[:, -1:])[:, 0]
    return Resamples(
        weights=everything,
        cheapest_usd=costs[:, 0],
        reference=tuple(
            FrontierPoint(cost, good)
            for cost, good in zip(costs[:, 1].tolist(), quality.tolist(), strict=True)
        ),
    )


def restrict(draws: Resamples, recorded: Recorded, rows: BoolArray) -> Resamples:
    """Keep the prompts of a mask, with the same draws; draws without any of them fall out."""
    weights = draws.weights[1:, rows]
    totals = weights.sum(axis=1, keepdims=True)
    kept = totals[:, 0] > 0
    part = Recorded(
        tiers=recorded.tiers,
        quality=recorded.quality[rows],
        output_tokens=recorded.output_tokens[rows],
        cost_usd=recorded.cost_usd[rows],
        deployment_cost_usd=recorded.deployment_cost_usd[rows],
        prices=recorded.prices,
    )
    return resamples(part, weights[kept] / totals[kept])


def figures(sweep: Sweep, draws: Resamples) -> Figures:
    """Compute a router's figures on every row of the resamples."""
    cost_usd = weighted_means(draws.weights, sweep.cost_usd)
    quality = weighted_means(draws.weights, sweep.quality)
    shares = np.empty((len(cost_usd), len(LEVELS)))
    reached = np.empty(shares.shape, dtype=np.bool_)
    area = np.full(len(cost_usd), np.nan)
    for row, reference in enumerate(draws.reference):
        corners = hull_indices(cost_usd[row], quality[row])
        hull = cost_usd[row, corners], quality[row, corners]
        for column, level in enumerate(LEVELS):
            shares[row, column] = cost_share(*hull, reference, level)
            reached[row, column] = hull[1][-1] >= level * reference.quality
        if len(sweep.labels) > 1:
            area[row] = aiq_of_hull(
                *hull, cost_min_usd=draws.cheapest_usd[row], cost_max_usd=reference.cost_usd
            )
    return Figures(sweep, cost_usd, quality, shares, reached, area)


def router_result(
    found: Figures, reference: FrontierPoint, *, aiq_routerbench_code: float
) -> RouterResult:
    """Turn a router's figures into its row, with 95 % intervals; artifacts get a band as well."""
    is_artifact = found.sweep.kind == "artifact"
    return RouterResult(
        name=found.sweep.name,
        title=found.sweep.title,
        kind=found.sweep.kind,
        points=curve_points(found, non_dominated(found.cost_usd[0], found.quality[0])),
        hull=hull_points(found),
        band=quality_band(found, reference.cost_usd) if is_artifact else (),
        cost_shares=cost_shares(found),
        aiq=interval(found.aiq),
        aiq_routerbench_code=aiq_routerbench_code,
    )


def cost_shares(found: Figures) -> tuple[CostShare, ...]:
    """Collect the cost shares at all levels with their intervals."""
    return tuple(
        CostShare(level, interval(found.cost_shares[:, i]), float(found.reached[1:, i].mean()))
        for i, level in enumerate(LEVELS)
    )


def hull_points(found: Figures) -> tuple[CurvePoint, ...]:
    """Collect the corners of the hull."""
    return curve_points(found, hull_indices(found.cost_usd[0], found.quality[0]))


def curve_points(found: Figures, settings: IntArray) -> tuple[CurvePoint, ...]:
    """Describe some settings of a router by their label, cost and quality."""
    return tuple(
        CurvePoint(
            found.sweep.labels[i],
            float(found.cost_usd[0, i] * PER_1K),
            float(found.quality[0, i]),
        )
        for i in settings.tolist()
    )


def quality_band(found: Figures, reference_cost_usd: float) -> tuple[BandPoint, ...]:
    """Take the interval of the hull's quality at evenly spaced costs, up to always-large's."""
    corners = hull_indices(found.cost_usd[0], found.quality[0])
    cheapest, dearest = found.cost_usd[0, corners[[0, -1]]]
    grid = np.linspace(cheapest, max(dearest, reference_cost_usd), BAND_STEPS)
    curves = np.empty((len(found.cost_usd) - 1, grid.size))
    for row in range(1, len(found.cost_usd)):
        corners = hull_indices(found.cost_usd[row], found.quality[row])
        curves[row - 1] = np.interp(grid, found.cost_usd[row, corners], found.quality[row, corners])
    low, high = np.quantile(curves, (0.025, 0.975), axis=0)
    return tuple(
        BandPoint(float(cost * PER_1K), float(bottom), float(top))
        for cost, bottom, top in zip(grid, low, high, strict=True)
    )


def paired_differences(router: Figures, baseline: Figures) -> tuple[Difference, ...]:
    """Subtract a baseline's figures from a router's on every resample.

    A baseline of one setting has no AIQ and no difference there.
    """
    names = [*(f"cost_share@{level:g}" for level in LEVELS), AIQ_FIGURE]
    ours = np.column_stack([router.cost_shares, router.aiq])
    theirs = np.column_stack([baseline.cost_shares, baseline.aiq])
    return tuple(
        Difference(
            router.sweep.name,
            baseline.sweep.name,
            name,
            interval(gap),
            p_value(gap[1:]),
            float(TOLD_APART_SE * np.nanstd(gap[1:])),
        )
        for name, gap in zip(names, (ours - theirs).T, strict=True)
        if not np.isnan(gap[0])
    )


def p_value(samples: FloatArray) -> float:
    """Test paired differences against zero, two-sided, by the share of resamples on each side.

    Args:
        samples: (draws,) the difference on each resample; NaN is left out.

    Returns:
        In [2 / (draws + 1), 1]: resampling cannot show less than one in its number of draws.
    """
    known = samples[~np.isnan(samples)]
    rarer = min((known <= 0).sum(), (known >= 0).sum())
    return float(min(1.0, 2 * (rarer + 1) / (known.size + 1)))


def interval(samples: FloatArray) -> Interval:
    """Read (1 + draws,) figures: the first is the value, the others its resamples."""
    return percentile_interval(float(samples[0]), samples[1:])
