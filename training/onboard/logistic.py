"""Logistic regression with a Gaussian prior of any centre, and how sure its answer is.

scikit-learn's shrinks towards zero only; here few labels are to be pulled towards a known tier.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray
from router.errors import TrainingError

_MOST_STEPS = 50
_TOLERANCE = 1e-9


@dataclass(frozen=True, slots=True)
class Posterior:
    """The most probable coefficients, (p,), and their covariance (p, p) by Laplace's method."""

    coefficients: FloatArray
    covariance: FloatArray

    def deviation(self, design: FloatArray) -> FloatArray:
        """Return the standard deviation of the logit of each row of a design (n, p): (n,)."""
        variance = np.einsum("np,pq,nq->n", design, self.covariance, design)
        spread: FloatArray = np.sqrt(np.maximum(variance, 0.0))
        return spread


def chances(scores: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-scores)) without overflow."""
    result: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * scores))
    return result


def fit_logistic(
    design: FloatArray, labels: FloatArray, centre: FloatArray, precision: FloatArray
) -> Posterior:
    """Fit sigmoid(design @ coefficients) to labels by Newton's method with halved steps.

    Args:
        design: (n, p), n may be 0: then the prior comes back.
        labels: (n,) in [0, 1].
        centre: (p,) mean of the prior.
        precision: (p,) its inverse variances, > 0.

    Raises:
        TrainingError: a number is not finite, or a precision not above 0.
    """
    if not (np.isfinite(design).all() and np.isfinite(labels).all() and (precision > 0).all()):
        raise TrainingError(
            "a logistic regression was given numbers that are not finite, or a precision that is "
            "not above 0: check the labels and the artifact"
        )

    def objective(at: FloatArray) -> float:
        scores = design @ at
        likelihood = (labels * scores - np.logaddexp(0.0, scores)).sum()
        return float(likelihood - 0.5 * (precision * (at - centre) ** 2).sum())

    at = centre.astype(np.float64)
    value = objective(at)
    for _ in range(_MOST_STEPS):
        chance = chances(design @ at)
        slope = design.T @ (labels - chance) - precision * (at - centre)
        step = np.linalg.solve(_curvature(design, chance, precision), slope)
        scale = 1.0
        while scale > _TOLERANCE and objective(at + scale * step) < value:
            scale /= 2
        at = at + scale * step
        value = objective(at)
        if np.abs(step).max(initial=0.0) < _TOLERANCE:
            break
    curvature = _curvature(design, chances(design @ at), precision)
    covariance: FloatArray = np.linalg.inv(curvature).astype(np.float64)
    return Posterior(at, covariance)


def _curvature(design: FloatArray, chance: FloatArray, precision: FloatArray) -> FloatArray:
    weights = chance * (1.0 - chance)
    curvature: FloatArray = (design * weights[:, None]).T @ design + np.diag(precision)
    return curvature
