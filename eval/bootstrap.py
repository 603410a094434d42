"""Intervals by resampling prompts, paired over routers.

One set of weights is drawn and used for every router and baseline, so differences are paired by
prompt. What is computed from a resample is given by the caller.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray, StrArray
from router.errors import DataError

DRAWS = 1000
COVERAGE = 0.95


@dataclass(frozen=True, slots=True)
class Interval:
    """A figure with its percentile bootstrap interval.

    Attributes:
        value: The figure on the data as they are.
        low: Lower end of the 95 % interval.
        high: Upper end.
    """

    value: float
    low: float
    high: float


def resample_weights(groups: StrArray, draws: int, seed: int) -> FloatArray:
    """Draw how often every prompt counts in each resample, whole duplicate groups at a time.

    Groups are drawn with replacement (the cluster bootstrap); where every group is one prompt this
    is the ordinary bootstrap over prompts.

    Args:
        groups: (n,) duplicate group of each prompt.
        draws: Number of resamples, > 0.
        seed: Seed of NumPy's generator.

    Returns:
        (draws, n) weights, each row adding up to 1.
    """
    if draws < 1 or groups.size == 0:
        raise DataError(
            f"a bootstrap needs prompts and draws; given {groups.size} prompts, {draws} draws"
        )
    names, inverse = np.unique(groups, return_inverse=True)
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(names.size, np.full(names.size, 1 / names.size), size=draws)
    weights: FloatArray = counts[:, inverse].astype(np.float64)
    weights /= weights.sum(axis=1, keepdims=True)
    return weights


def weighted_means(weights: FloatArray, values: FloatArray) -> FloatArray:
    """Average per-prompt values under every resample.

    Args:
        weights: (draws, n) rows adding up to 1.
        values: (n, settings) cost or quality of each prompt at each setting.

    Returns:
        (draws, settings) means.
    """
    means: FloatArray = weights @ values
    return means


def percentile_interval(value: float, samples: FloatArray) -> Interval:
    """Put the central 95 % of bootstrap samples around a figure.

    Args:
        value: The figure itself.
        samples: (draws,) the figure on each resample; NaN (undefined there) is left out.
    """
    known = samples[~np.isnan(samples)]
    if known.size == 0:
        return Interval(value, float("nan"), float("nan"))
    tail = (1 - COVERAGE) / 2
    low, high = np.quantile(known, (tail, 1 - tail), method="inverted_cdf")
    return Interval(value, float(low), float(high))
