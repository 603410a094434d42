"""Self-normalised inverse propensity scoring (Swaminathan & Joachims 2015)."""

from eval.arrays import FloatArray
from eval.ope.terms import Terms


def snips(weights: FloatArray, outcome: FloatArray) -> Terms:
    """Weigh what was seen, and divide by the weights instead of their expectation n.

    V = sum_i w_i y_i / sum_i w_i  ("The self-normalized estimator for counterfactual learning",
    NIPS 2015).

    Consistent under the assumptions of ``ips``; biased by order 1/n. Always inside the range of y,
    and indifferent to a constant added to every y. The variance still grows with the weights: with
    few effective decisions the estimate is close to a mean of those few.

    Args:
        weights: (n,) importance weights, >= 0, not all 0.
        outcome: (n,) reward or cost of the action taken.
    """
    return Terms(weights * outcome, weights.copy())
