"""Output length of a new model: a known tier's head times a ratio, shrunk where labels are few."""

from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray
from router.errors import TrainingError

FEWEST_LENGTHS = 20
_SHRINK = 10.0
"""Labels' worth of belief that the new model writes as much as the nearest tier."""


@dataclass(frozen=True, slots=True)
class LengthRatio:
    """``ratio`` > 0 times the expected output tokens of the tier at position ``tier``.

    Attributes:
        tier: Position of the known tier whose lengths fit the labels best.
        ratio: Mean recorded length over mean expected length, shrunk towards 1.
        log_error: Mean absolute error of log(1 + tokens) on the labels it was fitted to.
        labels: Known lengths it rests on.
    """

    tier: int
    ratio: float
    log_error: float
    labels: int

    def tokens(self, expected: FloatArray) -> FloatArray:
        """Return expected output tokens (n,) of the new tier from those of all known (n, T)."""
        scaled: FloatArray = self.ratio * expected[:, self.tier]
        return scaled


def fit_length(expected: FloatArray, recorded: FloatArray) -> LengthRatio:
    """Fit the ratio for every known tier and keep the tier with the least log error.

    A ratio of sums keeps the expected bill right, which a mean of ratios would not.

    Args:
        expected: (n, T) output tokens the known heads expect.
        recorded: (n,) output tokens of the new model, NaN where unknown.

    Raises:
        TrainingError: fewer than ``FEWEST_LENGTHS`` known lengths.
    """
    known = ~np.isnan(recorded)
    count = int(known.sum())
    if count < FEWEST_LENGTHS:
        raise TrainingError(
            f"{count} of the {len(recorded)} labels have output_tokens; at least {FEWEST_LENGTHS} "
            "are needed to price the new model's answers: add output_tokens to the labels",
            reason="TOO_FEW_LENGTHS",
        )
    written, said = recorded[known], np.maximum(expected[known], 1.0)
    belief = _SHRINK * said.mean(axis=0)
    ratios = (written.sum() + belief) / (said.sum(axis=0) + belief)
    errors = np.abs(np.log1p(said * ratios) - np.log1p(written)[:, None]).mean(axis=0)
    best = int(np.argmin(errors))
    return LengthRatio(best, float(ratios[best]), float(errors[best]), count)
