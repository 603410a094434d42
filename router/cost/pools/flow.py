"""What this router has sent to a pool, and how much of that is still under way.

The router never sees an answer come back. By Little's law what is under way is arrivals times time
in the pool, so each request counts one and fades with the mean time that requests take at load.
No lock: the state is one tuple that is replaced whole. Two threads that send in the same instant
may lose one of the two from the count, and the next reading of the pool makes good for it.
"""

from math import exp

# How fast the mean time in the pool and the share of all traffic follow what is seen.
_MEMORY_OF_TIMES = 0.02
_MEMORY_OF_SHARES = 0.2


class Flow:
    """Own requests under way in one pool.

    Args:
        seconds: Time a request is expected to take, until others were seen; > 0.
    """

    __slots__ = ("_own", "_seen", "_share")

    def __init__(self, seconds: float) -> None:
        self._own = (0.0, 0.0, seconds)  # count, when it was counted, mean seconds of a request
        self._seen = (0.0, 0.0)  # own and all, each a fading sum over readings
        self._share = 1.0

    def send(self, now: float, seconds: float) -> None:
        """Count one request that will take about so many seconds, > 0, in the pool."""
        count, at, mean = self._own
        mean += _MEMORY_OF_TIMES * (seconds - mean)
        self._own = (count * exp((at - now) / mean) + 1.0 if now > at else count + 1.0, now, mean)

    def under_way(self, now: float) -> float:
        """Return own requests expected to be under way at a time not before the last."""
        count, at, mean = self._own
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
