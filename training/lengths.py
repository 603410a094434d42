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
    boosters, smear = [], []
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
        residual = (
            np.log1p(validation.output_tokens[checked, column])
            - raw_scores([booster], validation.inputs[checked]).ravel()
        )
        boosters.append(booster)
        smear.append(float(np.exp(residual).mean()))
    return Lengths(tuple(boosters), np.array(smear, dtype=np.float32))
