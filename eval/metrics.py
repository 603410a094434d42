"""Single numbers for a whole curve, under the names their papers gave them.

Here are AIQ (RouterBench), APGR and CPT (RouteLLM) in exact form, and AUROC. RouteLLM's own
eleven-point procedure lives in ``eval.routellm``; the geometry of curves in ``eval.frontier``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray
from eval.frontier import hull_indices
from router.errors import DataError


def aiq(
    cost_usd: FloatArray, quality: FloatArray, *, cost_min_usd: float, cost_max_usd: float
) -> float:
    """Average improvement in quality of any settings, as the RouterBench paper defines it.

    AIQ = 1 / (c_max - c_min) * integral of the non-decreasing convex hull from c_min to c_max
    (arXiv 2403.12031, section 4). The hull goes on flat above its dearest setting. Below its
    cheapest setting a router gives no answer: quality 0 there.

    Args:
        cost_usd: (k,) mean cost of each setting.
        quality: (k,) mean quality of each setting.
        cost_min_usd: Left end; one value for all routers that are compared.
        cost_max_usd: Right end, greater than the left.

    Returns:
        Mean quality over the interval of cost, in the unit of ``quality``.

    Raises:
        DataError: The interval is empty, or a point is not finite.
    """
    corners = hull_indices(cost_usd, quality)
    return aiq_of_hull(
        cost_usd[corners], quality[corners], cost_min_usd=cost_min_usd, cost_max_usd=cost_max_usd
    )


def aiq_of_hull(
    costs: FloatArray, quality: FloatArray, *, cost_min_usd: float, cost_max_usd: float
) -> float:
    """``aiq`` of settings that are the corners of a hull already, costs and qualities rising."""
    if not cost_min_usd < cost_max_usd:
        raise DataError(
            f"AIQ needs c_min < c_max; given {cost_min_usd:g} and {cost_max_usd:g} USD "
            "(are all tiers priced alike?)"
        )
    area = _hull_area(costs, quality, cost_min_usd, cost_max_usd)
    return area / (cost_max_usd - cost_min_usd)


def aiq_routerbench_code(curves: Sequence[tuple[FloatArray, FloatArray]]) -> list[float]:
    """AIQ as RouterBench's code computes it, which is not as its paper defines it.

    Each hull is integrated from its own cheapest setting, flat up to the dearest hull corner of any
    compared router, and divided by that cost instead of by the width of the interval. So the value
    depends on who is compared.

    Args:
        curves: One (cost_usd, quality) pair of (k,) arrays for each router.

    Returns:
        One value per router, in the given order.
    """
    hulls = []
    for cost_usd, quality in curves:
        corners = hull_indices(cost_usd, quality)
        hulls.append((cost_usd[corners], quality[corners]))
    dearest = max(float(costs[-1]) for costs, _ in hulls)
    if dearest <= 0:
        raise DataError("RouterBench's AIQ divides by the largest cost, which is 0 here")
    return [_hull_area(costs, quality, costs[0], dearest) / dearest for costs, quality in hulls]


@dataclass(frozen=True, slots=True)
class StrongShareCurve:
    """Quality as more and more prompts go to the strong model.

    Attributes:
        share: (k,) share of prompts sent to the strong model, from 0 to 1, rising.
        quality: (k,) mean quality there; straight lines between (ties are broken at random).
    """

    share: FloatArray
    quality: FloatArray

    def recovered(self) -> FloatArray:
        """Performance gap recovered (PGR): (k,), 0 at always-weak, 1 at always-strong."""
        gap = self.quality[-1] - self.quality[0]
        if gap == 0:
            raise DataError("weak and strong model are equally good: PGR is undefined")
        pgr: FloatArray = (self.quality - self.quality[0]) / gap
        return pgr


def strong_share_curve(
    scores: FloatArray, weak: FloatArray, strong: FloatArray, weights: FloatArray | None = None
) -> StrongShareCurve:
    """Trace the exact curve over every threshold of a score.

    Args:
        scores: (n,) higher goes to the strong model first. Equal scores move together.
        weak: (n,) the weak model's quality.
        strong: (n,) the strong model's quality.
        weights: (n,) how much each prompt counts, >= 0; equally when left out.
    """
    weight = np.ones(scores.size) if weights is None else weights
    weight = weight / weight.sum()
    order = np.argsort(-scores, kind="stable")
    last_of_tie = np.append(np.diff(scores[order]) != 0, True)
    moved = np.cumsum(weight[order])[last_of_tie]
    gained = np.cumsum((weight * (strong - weak))[order])[last_of_tie]
    return StrongShareCurve(
        share=np.concatenate(([0.0], moved)),
        quality=weight @ weak + np.concatenate(([0.0], gained)),
    )


def apgr(curve: StrongShareCurve) -> float:
    """Average performance gap recovered: the integral of PGR over the share of strong calls.

    RouteLLM (arXiv 2406.18665, section 2.2); exact, over all thresholds. Random routing gives 0.5
    in expectation; a router can exceed 1 or fall below 0.
    """
    return float(np.trapezoid(curve.recovered(), curve.share))


def cpt(curve: StrongShareCurve, level: float) -> float:
    """Call-performance threshold: least share of strong calls that recovers ``level`` of the gap.

    RouteLLM (arXiv 2406.18665, section 2.2); exact: the first crossing on the curve, which is the
    crossing of its cumulative maximum.

    Args:
        curve: From ``strong_share_curve``.
        level: PGR to reach, in (0, 1].

    Returns:
        Share of strong calls in [0, 1].
    """
    if not 0 < level <= 1:
        raise DataError(f"CPT level {level:g} is not allowed: give a PGR in (0, 1], such as 0.5")
    pgr = curve.recovered()
    reached = int(np.argmax(pgr >= level * (1 - 1e-12)))
    before = slice(reached - 1, reached + 1)
    return float(np.interp(level, pgr[before], curve.share[before]))


def auroc(scores: FloatArray, positive: BoolArray) -> float:
    """Probability that a random positive scores above a random negative, ties counting one half.

    Args:
        scores: (n,) any finite numbers.
        positive: (n,) the class.

    Returns:
        In [0, 1]; NaN when one class is empty.
    """
    won, pairs = pairs_won(scores, positive, np.ones((1, scores.size)))
    return float(won[0] / pairs[0]) if pairs[0] > 0 else float("nan")


def pairs_won(
    scores: FloatArray, positive: BoolArray, weights: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Count the pairs of a positive and a negative that the score orders rightly.

    AUROC is the first over the second; both can be summed over tasks before dividing, which gives
    the AUROC among pairs within a task.

    Args:
        scores: (n,) any finite numbers.
        positive: (n,) the class.
        weights: (draws, n) how much each prompt counts in each draw.

    Returns:
        (draws,) weighted pairs won, ties counting one half, and (draws,) weighted pairs.
    """
    order = np.argsort(scores, kind="stable")
    ranked = scores[order]
    starts = np.flatnonzero(np.concatenate(([True], ranked[1:] != ranked[:-1])))
    in_order = weights[:, order]
    above = np.add.reduceat(in_order * positive[order], starts, axis=1)
    below = np.add.reduceat(in_order * ~positive[order], starts, axis=1)
    below_before = np.cumsum(below, axis=1) - below / 2
    return (above * below_before).sum(axis=1), above.sum(axis=1) * below.sum(axis=1)


def _hull_area(costs: FloatArray, quality: FloatArray, left: float, right: float) -> float:
    """Integrate a hull between two costs: 0 before its first corner, flat after its last."""
    start = max(left, float(costs[0]))
    if start >= right:
        return 0.0
    inside = (costs > start) & (costs < right)
    grid = np.concatenate(([start], costs[inside], [right]))
    return float(np.trapezoid(np.interp(grid, costs, quality), grid))
