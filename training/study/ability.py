"""An item-response model of recorded outcomes: one difficulty per prompt, one ability per model.

P(right) = sigmoid(slope_j * (ability_j - difficulty_i)), the two-parameter logistic model (Birnbaum
1968) with the slope on the model's side, because each prompt has at most fifteen outcomes. Fitted
by penalised likelihood, plain gradient steps.
"""

import numpy as np

from training.labels import FloatMatrix
from training.members import sigmoid

_STEPS = 300
_RATE = 0.1
_SPREAD = 2.0
"""Standard deviation the difficulties are drawn towards."""


def smoothed(outcomes: FloatMatrix, tiers: tuple[int, ...], otherwise: FloatMatrix) -> FloatMatrix:
    """Return P(right) of the tiers' models on every prompt by the fitted model.

    Args:
        outcomes: (n, m) quality in [0, 1], NaN where unknown.
        tiers: (T,) columns to return.
        otherwise: (n, T) what stands for rows without any outcome.
    """
    known = np.isfinite(outcomes)
    right = np.nan_to_num(outcomes)
    difficulty = np.zeros(len(outcomes))
    ability = np.zeros(outcomes.shape[1])
    slope = np.ones(outcomes.shape[1])
    for _ in range(_STEPS):
        distance = ability - difficulty[:, None]
        error = np.where(known, right - sigmoid(slope * distance), 0.0)
        per_model = np.maximum(known.sum(axis=0), 1)
        difficulty += _RATE * (-(error * slope).sum(axis=1) - difficulty / _SPREAD**2)
        ability += (error * slope).sum(axis=0) / per_model
        slope += (error * distance).sum(axis=0) / per_model
        slope = np.clip(slope, 0.2, 5.0)
    chosen = list(tiers)
    fitted = sigmoid(slope[chosen] * (ability[chosen] - difficulty[:, None]))
    return np.where(np.asarray(known.any(axis=1))[:, None], fitted, otherwise)
