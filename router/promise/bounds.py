"""Exact p-values and upper bounds for a risk, from n independent losses.

Binomial tails are summed in log space, so they are exact to rounding and need nothing but NumPy.
How several of them become one contract is ``router.promise.contract``.
"""

import math

import numpy as np
from numpy.typing import NDArray

from router.errors import DataError

FloatArray = NDArray[np.float64]
_BISECTIONS = 60  # 2^-60 is below the spacing of doubles near 1


def binomial_tail_table(n: int, probability: float) -> FloatArray:
    """Tabulate P(Bin(n, probability) <= k) for every k.

    Args:
        n: Number of trials, >= 0.
        probability: Of one success, in [0, 1].

    Returns:
        (n + 1,) float64 in [0, 1], non-decreasing, last entry 1.

    Raises:
        DataError: n is negative, or the probability is outside [0, 1].
    """
    _check(n, probability)
    if probability in {0.0, 1.0}:
        certain = np.ones(n + 1)
        certain[:n] = 1.0 - probability
        return certain
    log_factorial = np.fromiter(map(math.lgamma, range(1, n + 2)), np.float64, n + 1)
    k = np.arange(n + 1)
    log_mass = log_factorial[n] - log_factorial - log_factorial[::-1]
    log_mass += k * math.log(probability) + (n - k) * math.log1p(-probability)
    # A tail can underflow as a plain sum, so each is summed relative to its greatest term.
    tails = np.exp(np.logaddexp.accumulate(log_mass))
    tails[-1] = 1.0
    clipped: FloatArray = np.minimum(tails, 1.0)
    return clipped


def binomial_tail(losses: int, n: int, probability: float) -> float:
    """Return P(Bin(n, probability) <= losses); ``losses`` lies in 0..n.

    This is the exact p-value of "the risk is above ``probability``" when ``losses`` of n
    independent 0/1 losses were 1: under that hypothesis P(p-value <= u) <= u for every u.

    Raises:
        DataError: losses outside 0..n, or what ``binomial_tail_table`` refuses.
    """
    _check_losses(losses, n)
    return float(binomial_tail_table(n, probability)[losses])


def clopper_pearson_upper(losses: int, n: int, delta: float) -> float:
    """Return the exact upper bound of a risk (Clopper & Pearson 1934), one-sided.

    The bound is the greatest risk u with P(Bin(n, u) <= losses) >= delta, so it lies below the
    true risk with probability at most ``delta``. It is <= a level exactly when
    ``binomial_tail(losses, n, level) <= delta``.

    Args:
        losses: How many of the n independent 0/1 losses were 1.
        n: Number of losses, >= 1.
        delta: Allowed probability of a bound that is too low, in (0, 1).

    Raises:
        DataError: an argument outside its range.
    """
    _check_losses(losses, n)
    _check_delta(delta)
    if n < 1:
        raise DataError(f"an upper bound needs at least one loss, given n = {n}")
    if losses == n:
        return 1.0
    if losses == 0:
        return -math.expm1(math.log(delta) / n)
    low, high = losses / n, 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if binomial_tail(losses, n, middle) > delta:
            low = middle
        else:
            high = middle
    return high


def hoeffding_bentkus_p_value(total_loss: float, n: int, risk: float) -> float:
    """Return a p-value of "the mean loss is above ``risk``" for losses anywhere in [0, 1].

    The lesser of Hoeffding's ``exp(-n KL(mean, risk))`` and Bentkus'
    ``e P(Bin(n, risk) <= ceil(total))`` (Bates et al. 2021, arXiv 2101.02703; proposition 3 of
    Angelopoulos et al. 2021, arXiv 2110.01052). For 0/1 losses ``binomial_tail`` is sharper.

    Args:
        total_loss: Sum of n independent losses, in [0, n].
        n: Number of losses, >= 1.
        risk: The level tested, in (0, 1).

    Raises:
        DataError: an argument outside its range.
    """
    if n < 1 or not 0 <= total_loss <= n or not 0 < risk < 1:
        raise DataError(
            f"given total loss {total_loss} of {n} losses and risk {risk}: losses lie in [0, 1], "
            "n is at least 1 and the risk lies between 0 and 1"
        )
    mean = min(total_loss / n, risk)
    hoeffding = math.exp(-n * _binary_kl(mean, risk))
    bentkus = math.e * binomial_tail(math.ceil(total_loss), n, risk)
    return min(hoeffding, bentkus, 1.0)


def hoeffding_bentkus_upper(total_loss: float, n: int, delta: float) -> float:
    """Return the least risk that ``hoeffding_bentkus_p_value`` rejects at ``delta``.

    Raises:
        DataError: an argument outside its range.
    """
    _check_delta(delta)
    low, high = total_loss / max(n, 1), 1.0
    for _ in range(_BISECTIONS):
        middle = (low + high) / 2
        if not low < middle < high:
            break
        if hoeffding_bentkus_p_value(total_loss, n, middle) > delta:
            low = middle
        else:
            high = middle
    return high


def _binary_kl(p: float, q: float) -> float:
    """Kullback-Leibler divergence of two coins in nats; q strictly inside (0, 1)."""
    heads = p * math.log(p / q) if p > 0 else 0.0
    tails = (1 - p) * math.log((1 - p) / (1 - q)) if p < 1 else 0.0
    return heads + tails


def _check(n: int, probability: float) -> None:
    if n < 0 or not 0 <= probability <= 1:
        raise DataError(
            f"given n = {n} and probability {probability}: n must be >= 0 and a probability must "
            "lie in [0, 1]"
        )


def _check_losses(losses: int, n: int) -> None:
    if not 0 <= losses <= n:
        raise DataError(f"given {losses} losses of {n}: losses must lie in 0..n")


def _check_delta(delta: float) -> None:
    if not 0 < delta < 1:
        raise DataError(f"given delta = {delta}: it must lie between 0 and 1, for example 0.05")
