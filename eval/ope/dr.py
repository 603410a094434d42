"""The doubly robust estimator (Dudik, Langford & Li 2011, arXiv 1103.4601)."""

import numpy as np

from eval.arrays import FloatArray
from eval.ope.terms import Terms


def dr(
    weights: FloatArray,
    outcome: FloatArray,
    predicted: FloatArray,
    predicted_taken: FloatArray,
    candidate: FloatArray,
) -> Terms:
    """Predict the outcome of the candidate's actions, and correct by what was seen.

    V = 1/n sum_i [ sum_a candidate(a | x_i) q(x_i, a) + w_i (y_i - q(x_i, a_i)) ].

    Unbiased if the propensities are right, however wrong the predictions, provided these were made
    without the logged outcomes; nearly unbiased also with wrong propensities if the predictions
    are right. The variance is that of the weighted residuals: small where predictions are good,
    that of ``ips`` where they are 0, larger where they are worse than nothing.

    Args:
        weights: (n,) importance weights, >= 0.
        outcome: (n,) reward or cost of the action taken.
        predicted: (n, k) predicted outcome of every action.
        predicted_taken: (n,) that of the action taken.
        candidate: (n, k) the candidate's probabilities.
    """
    model = (candidate * predicted).sum(axis=1)
    return Terms(model + weights * (outcome - predicted_taken), np.ones_like(weights))
