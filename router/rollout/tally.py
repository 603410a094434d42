"""Running means and shares with 95 % intervals, from one pass over what comes.

Observations count as independent. Requests of one session are not quite, so an interval over few
long sessions is too narrow.
"""

import math
from typing import NamedTuple

_NORMAL_95 = 1.959963984540054


class Interval(NamedTuple):
    """A value with a 95 % interval; NaN where nothing, or too little, was seen."""

    value: float
    low: float
    high: float


class Mean:
    """A mean of numbers that come one by one (Welford's method, Technometrics 1962).

    Attributes:
        n: How many came.
    """

    __slots__ = ("_mean", "_squares", "n")

    def __init__(self) -> None:
        self.n = 0
        self._mean = 0.0
        self._squares = 0.0

    def add(self, value: float) -> None:
        """Take a finite number in."""
        self.n += 1
        step = value - self._mean
        self._mean += step / self.n
        self._squares += step * (value - self._mean)

    def interval(self) -> Interval:
        """Return the mean with a normal interval; one number alone has a value and no ends."""
        if not self.n:
            return Interval(math.nan, math.nan, math.nan)
        if self.n == 1:
            return Interval(self._mean, math.nan, math.nan)
        half = _NORMAL_95 * math.sqrt(self._squares / (self.n - 1) / self.n)
        return Interval(self._mean, self._mean - half, self._mean + half)


def share(count: int, n: int) -> Interval:
    """Return count / n with Wilson's interval (JASA 1927), which keeps to [0, 1].

    Args:
        count: From 0 to n.
        n: At least 0; of 0 nothing is known.
    """
    if not n:
        return Interval(math.nan, math.nan, math.nan)
    observed, square = count / n, _NORMAL_95**2
    centre = (observed + square / (2 * n)) / (1 + square / n)
    spread = math.sqrt(observed * (1 - observed) / n + square / (4 * n * n))
    half = _NORMAL_95 * spread / (1 + square / n)
    # Rounding must not carry an end past the share, or past 0 and 1.
    low = min(observed, max(0.0, centre - half))
    return Interval(observed, low, max(observed, min(1.0, centre + half)))
