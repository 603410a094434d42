"""Inverse propensity scoring (Horvitz & Thompson 1952)."""

import numpy as np

from eval.arrays import FloatArray
from eval.ope.terms import Terms


def ips(weights: FloatArray, outcome: FloatArray) -> Terms:
    """Weigh what was seen by how much likelier the candidate was to do it.

    V = 1/n sum_i w_i y_i,  w_i = candidate(a_i | x_i) / propensity(a_i | x_i).

    Unbiased if the propensities are those that decided and the candidate acts only where they are
    above 0. No model of the outcome is needed. The variance grows with the squared weights, and
    with the level of y: adding a constant to every y changes the error, so costs far from 0 are
    estimated badly. The estimate may lie outside the range of y.

    Args:
        weights: (n,) importance weights, >= 0.
        outcome: (n,) reward or cost of the action taken.
    """
    return Terms(weights * outcome, np.ones_like(weights))
