"""What this router has sent to a pool, and how much of that is still under way.

The router never sees an answer come back. By Little's law what is under way is arrivals times time
in the pool, so each request counts one and fades with the mean time that requests take at load.
No lock: the state is one tuple that is replaced whole. Two threads that send in the same instant
may lose one of the two from the count, and the next reading of the pool makes good for it.
"""

from bisect import bisect_right
from collections import deque
from math import exp

# How fast the mean time in the pool and the share of all traffic follow what is seen.
_MEMORY_OF_TIMES = 0.02
_MEMORY_OF_SHARES = 0.2
# Own counts of the past, for readings that come late.
_REMEMBERED = 128
_REMEMBERED_EVERY_S = 1.0


class Flow:
    """Own requests under way in one pool.

    Args:
        seconds: Time a request is expected to take, until others were seen; > 0.
    """

    __slots__ = ("_own", "_past", "_seen", "_share")

    def __init__(self, seconds: float) -> None:
        self._own = (0.0, 0.0, seconds)  # count, when it was counted, mean seconds of a request
        self._past: deque[tuple[float, float, float]] = deque([self._own], maxlen=_REMEMBERED)
        self._seen = (0.0, 0.0)  # own and all, each a fading sum over readings
        self._share = 1.0

    def send(self, now: float, seconds: float) -> None:
        """Count one request that will take about so many seconds, > 0, in the pool."""
        count, at, mean = self._own
        mean += _MEMORY_OF_TIMES * (seconds - mean)
        own = (count * exp((at - now) / mean) + 1.0 if now > at else count + 1.0, now, mean)
        self._own = own
        if now - self._past[-1][1] >= _REMEMBERED_EVERY_S:
            self._past.append(own)

    def take_back(self, now: float) -> None:
        """Count one request less, that was counted a moment ago and is not sent after all."""
        _, _, mean = self._own
        self._own = (max(self.under_way(now) - 1.0, 0.0), now, mean)

    def under_way(self, now: float) -> float:
        """Return own requests expected to be under way, or to have been at a time of the past.

        The past is known by the second, for as long as late readings may be late.
        """
        count, at, mean = self._own
        if now < at:
            past = self._past.copy()
            place = bisect_right(past, now, key=lambda one: one[1])
            count, at, mean = past[max(place - 1, 0)]
        return count * exp((at - now) / mean) if now > at else count

    def see(self, now: float, taken: float) -> float:
        """Learn from a reading how much of what is under way is one's own; return that share.

        A request that takes longer than expected shows as a smaller share, which is what makes
        one's own count come out right.

        Args:
            now: When it was read.
            taken: Requests in the pool, waiting or served, whoever sent them.
        """
        own, seen = self._seen
        keep = 1.0 - _MEMORY_OF_SHARES
        self._seen = (own * keep + self.under_way(now), seen * keep + taken)
        own, seen = self._seen
        if seen > 0.0 and own > 0.0:
            self._share = min(max(own / seen, 0.02), 1.0)
        return self._share
