"""95 % intervals for an estimate: asymptotic and by bootstrap, both over whole clusters.

Decisions of one user or session depend on each other, so clusters, not decisions, are what is
independent.
"""

import math

import numpy as np

from eval.arrays import FloatArray, StrArray
from eval.bootstrap import Interval, percentile_interval
from eval.ope.terms import Terms
from router.errors import DataError

Z = 1.959964


def asymptotic_interval(terms: Terms, clusters: StrArray) -> Interval:
    """Put a normal interval around a ratio of sums (delta method, cluster-robust).

    se = sqrt(g / (g - 1) sum_c (sum_{i in c} (numerator_i - V denominator_i))^2)
    / sum_i denominator_i with g clusters (Liang & Zeger 1986). Valid for many clusters and bounded
    weights; too short where a few weights dominate.

    Args:
        terms: Of n decisions.
        clusters: (n,) names.

    Raises:
        DataError: fewer than two clusters.
    """
    numerator, denominator = by_cluster(terms, clusters)
    low, high = asymptotic_bounds(numerator[None], denominator[None])
    return Interval(terms.value, float(low[0]), float(high[0]))


def asymptotic_bounds(
    numerator: FloatArray, denominator: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of many logs at once.

    Args:
        numerator: (logs, clusters) sums within clusters.
        denominator: The same.

    Returns:
        (logs,) lower and (logs,) upper bounds.
    """
    clusters = numerator.shape[1]
    whole = denominator.sum(axis=1)
    value = numerator.sum(axis=1) / whole
    residual = numerator - value[:, None] * denominator
    half = Z * math.sqrt(clusters / (clusters - 1)) * np.sqrt((residual**2).sum(axis=1)) / whole
    return value - half, value + half


def bootstrap_interval(terms: Terms, clusters: StrArray, draws: int, seed: int) -> Interval:
    """Put a percentile interval around a ratio of sums by drawing whole clusters anew.

    Resamples in which the denominator is 0 leave the estimate undefined and do not count.

    Args:
        terms: Of n decisions.
        clusters: (n,) names.
        draws: Resamples, >= 1.
        seed: Seed of NumPy's generator.

    Raises:
        DataError: fewer than two clusters, or no draws.
    """
    numerator, denominator = by_cluster(terms, clusters)
    if draws < 1:
        raise DataError(f"a bootstrap needs at least one draw, given {draws}")
    counts = resamples(len(numerator), draws, np.random.default_rng(seed))
    below = counts @ denominator
    with np.errstate(invalid="ignore"):
        samples = np.where(below != 0, counts @ numerator / below, np.nan)
    return percentile_interval(terms.value, samples)


def resamples(clusters: int, draws: int, rng: np.random.Generator) -> FloatArray:
    """Draw how often every cluster counts: (draws, clusters), rows adding up to clusters."""
    return rng.multinomial(clusters, np.full(clusters, 1 / clusters), size=draws).astype(np.float64)


def by_cluster(terms: Terms, clusters: StrArray) -> tuple[FloatArray, FloatArray]:
    """Sum numerators and denominators within clusters: (clusters,) each.

    Raises:
        DataError: fewer than two clusters.
    """
    names, inverse = np.unique(clusters, return_inverse=True)
    if names.size < 2:
        raise DataError(f"an interval needs at least two clusters of decisions, given {names.size}")
    return (
        np.bincount(inverse, weights=terms.numerator),
        np.bincount(inverse, weights=terms.denominator),
    )
