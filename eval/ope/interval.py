"""95 % intervals for an estimate: asymptotic and by bootstrap, both over whole clusters.

Decisions of one user or session depend on each other, so clusters, not decisions, are what is
independent.
"""

import numpy as np

from eval.arrays import FloatArray, StrArray
from eval.bootstrap import Interval, percentile_interval
from eval.ope.terms import Terms
from router.errors import DataError

Z = 1.959964
_LEAST_FREEDOM = 3.0


def asymptotic_interval(terms: Terms, clusters: StrArray) -> Interval:
    """Put a 95 % t interval around a ratio of sums, with the jackknife's standard error.

    se^2 = (g - 1) / g sum_c (V_without_c - V)^2 over g clusters (Tukey 1958; for a plain mean the
    usual standard error). A few large weights make se itself uncertain: its degrees of freedom are
    2 m2^2 / (m4 - m2^2 / g) with m2, m4 the summed 2nd and 4th powers of V_without_c - V
    (Satterthwaite 1946), about
    g for Gaussian terms, and few where few clusters decide.

    Args:
        terms: Of n decisions.
        clusters: (n,) names.

    Raises:
        DataError: fewer than two clusters, or an estimate that one cluster alone decides.
    """
    numerator, denominator = by_cluster(terms, clusters)
    if (denominator == denominator.sum()).any():
        raise DataError(
            "one cluster of decisions alone decides this estimate, so it has no interval: log more "
            "decisions, or explore more"
        )
    low, high = asymptotic_bounds(numerator[None], denominator[None])
    return Interval(terms.value, float(low[0]), float(high[0]))


def asymptotic_bounds(
    numerator: FloatArray, denominator: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the bounds of many logs at once.

    Args:
        numerator: (logs, clusters) sums within clusters.
        denominator: The same; without any one cluster it is not 0.

    Returns:
        (logs,) lower and (logs,) upper bounds.
    """
    clusters = numerator.shape[1]
    above, below = (part.sum(axis=1, keepdims=True) for part in (numerator, denominator))
    value = (above / below)[:, 0]
    moved = (above - numerator) / (below - denominator) - value[:, None]
    second, fourth = (moved**2).sum(axis=1), (moved**4).sum(axis=1)
    spread = fourth - second**2 / clusters
    safe = np.where(spread > 0, spread, 1.0)
    freedom = np.where(spread > 0, 2 * second**2 / safe, float(clusters))
    half = t_quantile(np.clip(freedom, _LEAST_FREEDOM, None)) * np.sqrt(
        (clusters - 1) / clusters * second
    )
    return value - half, value + half


def t_quantile(freedom: FloatArray) -> FloatArray:
    """Return the 97.5 % quantile of Student's t by Fisher & Cornish's expansion (1960).

    Args:
        freedom: (...) degrees of freedom, >= 3; there within 0.5 % of exact, far closer above 10.
    """
    z = Z
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    quantile: FloatArray = z + first / freedom + second / freedom**2 + third / freedom**3
    return quantile


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
    sums = np.zeros((2, names.size))
    np.add.at(sums[0], inverse, terms.numerator)
    np.add.at(sums[1], inverse, terms.denominator)
    return sums[0], sums[1]
