"""Ridge-penalised logistic regression by iteratively reweighted least squares, in plain NumPy.

A quick head for simulations that need a predictor of their own, fitted on rows they know.
Nothing here is exported or served.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eval.arrays import BoolArray, FloatArray
from router.errors import DataError

_STEPS = 8
_LEAST_VARIANCE = 1e-6
FARTHEST = 3.0
"""Scaled inputs beyond this say no more, so that unlike traffic does not saturate a head."""


@dataclass(frozen=True, slots=True)
class Logistic:
    """A fitted head.

    Attributes:
        mean: (d,) subtracted from the inputs.
        scale: (d,) the rest is divided by.
        farthest: Scaled inputs are clipped to this distance from 0; infinity = never.
        weights: (d + 1,) on the scaled inputs, intercept last.
    """

    mean: FloatArray
    scale: FloatArray
    farthest: float
    weights: FloatArray

    def probability(self, inputs: NDArray[np.floating]) -> FloatArray:
        """Predict: (n, d) inputs to (n,) probabilities."""
        return _sigmoid(_design(inputs, self.mean, self.scale, self.farthest) @ self.weights)


def fit_logistic(
    inputs: NDArray[np.floating], labels: BoolArray, ridge: float, farthest: float = FARTHEST
) -> Logistic:
    """Fit by Newton steps on the penalised likelihood (McCullagh & Nelder 1989, chapter 4).

    Args:
        inputs: (n, d) numbers; every column is standardised.
        labels: (n,) bool.
        ridge: Penalty, half of it times the squared weights without the intercept; > 0.
        farthest: Clip scaled inputs to this distance from 0, > 0.

    Raises:
        DataError: no rows, one class only, or no penalty.
    """
    if len(inputs) == 0 or labels.all() or not labels.any() or ridge <= 0:
        raise DataError(
            f"given {len(inputs)} rows, {int(labels.sum())} of them positive, ridge {ridge}: a "
            "logistic head needs rows of both kinds and a positive ridge"
        )
    mean = inputs.mean(axis=0, dtype=np.float64)
    scale = inputs.std(axis=0, dtype=np.float64)
    scale[scale == 0] = 1.0
    design = _design(inputs, mean, scale, farthest)
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 0.0
    weights = np.zeros(design.shape[1])
    weights[-1] = np.log(labels.mean() / (1 - labels.mean()))
    for _ in range(_STEPS):
        probability = _sigmoid(design @ weights)
        variance = np.maximum(probability * (1 - probability), _LEAST_VARIANCE)
        gradient = design.T @ (labels - probability) - penalty * weights
        curvature = (design * variance[:, None]).T @ design + np.diag(penalty)
        weights = weights + np.linalg.solve(curvature, gradient)
    return Logistic(mean, scale, farthest, weights)


def _design(
    inputs: NDArray[np.floating], mean: FloatArray, scale: FloatArray, farthest: float
) -> FloatArray:
    scaled = np.clip((inputs.astype(np.float64) - mean) / scale, -farthest, farthest)
    return np.column_stack((scaled, np.ones(len(scaled))))


def _sigmoid(logit: FloatArray) -> FloatArray:
    probability: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * logit))
    return probability
