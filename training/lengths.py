"""Output-length heads: expected output tokens per tier.

A booster per tier predicts log(1 + tokens); a smearing factor (Duan 1983, "Smearing Estimate")
turns its exponential into an expectation, which exponentiating alone would put too low.
"""

from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt

from router.errors import TrainingError
from training.labels import Examples, Float32Matrix, FloatMatrix
from training.members import TreeSettings, fit_booster, raw_scores

FEWEST_LENGTHS = 50
_SETTINGS = TreeSettings(rounds=60, learning_rate=0.1, columns=0.4)


@dataclass(frozen=True, slots=True)
class Lengths:
    """Fitted heads; ``smear`` float32 (T,), >= 1 in practice."""

    boosters: tuple[lgb.Booster, ...]
    smear: npt.NDArray[np.float32]

    def tokens(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return expected output tokens, float64 (n, T), >= 0."""
        expected = np.exp(raw_scores(self.boosters, inputs)) * self.smear - 1.0
        kept: FloatMatrix = np.maximum(expected, 0.0)
        return kept


def fit_lengths(
    train: Examples, validation: Examples, tiers: tuple[str, ...], dimension: int, seed: int
) -> Lengths:
    """Fit the heads on the training part and their smearing factors on the validation part.

    Raises:
        TrainingError: a tier has fewer than ``FEWEST_LENGTHS`` known lengths in either part.
    """
    boosters = []
    for column, tier in enumerate(tiers):
        known = ~np.isnan(train.output_tokens[:, column])
        checked = ~np.isnan(validation.output_tokens[:, column])
        if min(known.sum(), 2 * checked.sum()) < FEWEST_LENGTHS:
            raise TrainingError(
                f"tier {tier!r}: {int(known.sum())} output lengths in the training part and "
                f"{int(checked.sum())} in the validation part; at least {FEWEST_LENGTHS} and "
                f"{FEWEST_LENGTHS // 2} are needed to price answers: add output_tokens to the data",
                reason="TOO_FEW_LENGTHS",
            )
        target = np.log1p(train.output_tokens[known, column])
        booster = fit_booster(train.inputs[known], target, dimension, _SETTINGS, seed)
        boosters.append(booster)
    predicted = raw_scores(boosters, validation.inputs)
    return Lengths(tuple(boosters), smearing(predicted, validation.output_tokens))


def smearing(log_tokens: FloatMatrix, output_tokens: FloatMatrix) -> npt.NDArray[np.float32]:
    """Return the factor per tier that makes exp(log_tokens) an expectation (Duan 1983).

    Args:
        log_tokens: (n, T) predicted log(1 + tokens).
        output_tokens: (n, T) observed, NaN where unknown; each tier needs one that is known.

    Returns:
        float32 (T,).
    """
    residual = np.log1p(output_tokens) - log_tokens
    factors: npt.NDArray[np.float32] = np.nanmean(np.exp(residual), axis=0).astype(np.float32)
    return factors
