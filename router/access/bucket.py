"""A token bucket: how many requests a caller may send, on average and at once."""

import threading


class TokenBucket:
    """Holds at most ``burst`` tokens and gains ``per_second`` of them a second.

    Taking needs one whole token. Charging takes any number afterwards and may leave the bucket in
    debt, which is waited off: so a batch larger than the burst is served, and the average is kept.

    Args:
        per_second: Tokens gained a second, > 0.
        burst: Most tokens held, >= 1; it starts with them.
        now: Present time in seconds, of a clock that never goes back.
    """

    __slots__ = ("_burst", "_lock", "_per_second", "_stamp", "_tokens")

    def __init__(self, per_second: float, burst: int, now: float) -> None:
        self._per_second = per_second
        self._burst = float(burst)
        self._tokens = float(burst)
        self._stamp = now
        self._lock = threading.Lock()

    def take(self, now: float) -> float:
        """Take one token and return 0.0; or take none and return the seconds until there is one."""
        with self._lock:
            gained = (now - self._stamp) * self._per_second
            self._tokens = min(self._burst, self._tokens + gained)
            self._stamp = now
            if self._tokens >= 1.0:
                self._tokens -= 1.0
                return 0.0
            return (1.0 - self._tokens) / self._per_second

    def charge(self, tokens: int) -> None:
        """Take ``tokens``, even if they are not there."""
        with self._lock:
            self._tokens -= tokens
