"""The cost-quality curve of a router: which settings are worth having, and what lies between them.

Pure geometry on (cost, quality) points. How the points came about (replay, baselines) and what is
averaged along the curve (AIQ, APGR) live elsewhere.
"""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray, IntArray
from router.errors import DataError


@dataclass(frozen=True, slots=True)
class FrontierPoint:
    """One setting of a router.

    Attributes:
        cost_usd: Mean cost of one prompt in USD, >= 0 (or any other unit, used consistently).
        quality: Mean quality, in [0, 1].
        label: What the setting is, for people ("lambda 0.01", "small").
    """

    cost_usd: float
    quality: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Frontier:
    """A router's useful settings, both tuples in order of cost.

    Attributes:
        points: The settings that no other setting dominates.
        hull: Those among them that no random mix of two settings dominates: the non-decreasing
            convex hull of RouterBench (arXiv 2403.12031).
    """

    points: tuple[FrontierPoint, ...]
    hull: tuple[FrontierPoint, ...]

    def quality_at_cost(self, cost_usd: float) -> float:
        """Best quality for a budget; NaN below the cheapest setting, flat above the dearest."""
        if cost_usd < self.hull[0].cost_usd:
            return float("nan")
        return float(np.interp(cost_usd, *self._hull_arrays()))

    def cost_at_quality(self, quality: float) -> float:
        """Least cost for a quality; infinity above the best setting's quality."""
        costs, qualities = self._hull_arrays()
        return cost_at_quality(costs, qualities, quality)

    def _hull_arrays(self) -> tuple[FloatArray, FloatArray]:
        return _columns(self.hull)


def frontier(points: Iterable[FrontierPoint]) -> Frontier:
    """Find the settings worth having.

    Raises:
        DataError: There is no point, or one is not finite.
    """
    given = tuple(points)
    costs, qualities = _columns(given)
    return Frontier(
        points=tuple(given[i] for i in non_dominated(costs, qualities)),
        hull=tuple(given[i] for i in hull_indices(costs, qualities)),
    )


def non_dominated(cost_usd: FloatArray, quality: FloatArray) -> IntArray:
    """Find the points that are better than every cheaper or equally cheap one.

    Args:
        cost_usd: (k,) costs.
        quality: (k,) qualities.

    Returns:
        Indices in order of cost; qualities rise strictly along them.
    """
    order = _by_cost(cost_usd, quality)
    best_before = np.concatenate(([-np.inf], np.maximum.accumulate(quality[order])[:-1]))
    return order[quality[order] > best_before]


def hull_indices(cost_usd: FloatArray, quality: FloatArray) -> IntArray:
    """Find the corners of the upper, non-decreasing convex hull by Andrew's monotone chain.

    Args:
        cost_usd: (k,) costs.
        quality: (k,) qualities.

    Returns:
        Indices in order of cost; quality rises strictly and slopes fall strictly along them.
    """
    corners: list[int] = []
    costs, qualities = cost_usd.tolist(), quality.tolist()
    for i in non_dominated(cost_usd, quality).tolist():
        while len(corners) > 1 and not _turns_right(costs, qualities, corners[-2], corners[-1], i):
            corners.pop()
        corners.append(i)
    return np.array(corners, dtype=np.int64)


def cost_at_quality(hull_cost_usd: FloatArray, hull_quality: FloatArray, quality: float) -> float:
    """Least cost on a hull that reaches a quality, mixing two settings at random where needed.

    Args:
        hull_cost_usd: (h,) costs of the hull's corners, rising.
        hull_quality: (h,) their qualities, rising.
        quality: The quality to reach.

    Returns:
        USD; infinity when the hull stays below ``quality``.
    """
    if quality > hull_quality[-1]:
        return float("inf")
    return float(np.interp(quality, hull_quality, hull_cost_usd))


def cost_share(
    hull_cost_usd: FloatArray,
    hull_quality: FloatArray,
    reference: FrontierPoint,
    level: float,
) -> float:
    """Share of the reference's cost that buys ``level`` of the reference's quality.

    The reference is always-large: whoever needs its quality can pay for it. So the share is at most
    1, also where the router never reaches the level.

    Args:
        hull_cost_usd: (h,) costs of the hull's corners, rising.
        hull_quality: (h,) their qualities, rising.
        reference: The setting that stands for 100 % of cost and of quality; its cost is > 0.
        level: Share of the reference's quality to keep, in (0, 1].
    """
    cost = cost_at_quality(hull_cost_usd, hull_quality, level * reference.quality)
    return min(1.0, cost / reference.cost_usd)


def _turns_right(x: list[float], y: list[float], a: int, b: int, c: int) -> bool:
    """Say whether a -> b -> c bends downwards, so that b is a corner."""
    return (x[b] - x[a]) * (y[c] - y[a]) < (y[b] - y[a]) * (x[c] - x[a])


def _by_cost(cost_usd: FloatArray, quality: FloatArray) -> IntArray:
    if cost_usd.size == 0 or cost_usd.shape != quality.shape:
        raise DataError(
            f"a frontier needs as many costs as qualities and at least one of each; "
            f"given {cost_usd.shape} and {quality.shape}"
        )
    if not (np.isfinite(cost_usd).all() and np.isfinite(quality).all()):
        raise DataError("a frontier point has a cost or quality that is not a finite number")
    order: IntArray = np.lexsort((-quality, cost_usd))
    return order


def _columns(points: tuple[FrontierPoint, ...]) -> tuple[FloatArray, FloatArray]:
    return (
        np.array([point.cost_usd for point in points], dtype=np.float64),
        np.array([point.quality for point in points], dtype=np.float64),
    )
