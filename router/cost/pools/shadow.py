"""The shadow price of a place on a pool: pure.

What is paid already costs nothing more while there is room, so an idle pool is as good as free.
When it is full, one more request puts another one off it or makes all of them wait, and a place is
worth what the best alternative costs. In between the price rises convexly. That is the bid-price
control of revenue management (Talluri and van Ryzin, "An Analysis of Bid-Price Controls for Network
Revenue Management", Management Science 44(11), 1998): a place goes to whoever saves more with it
than the capacity is worth.

One price for all would move all traffic at the same instant, and with readings that are late, back
and forth (Mitzenmacher, "How Useful Is Old Information?", IEEE TPDS 11(1), 2000). So each request
has a saturation of its own at which its price reaches the alternative, by the rank of what it would
save: those that save least for what they need of the pool leave first, one after the other. Equal
ones are told apart by a number that runs evenly over [0, 1), so that of any few in a row the right
share leaves.
"""

from bisect import bisect_left, bisect_right
from collections import deque
from itertools import count
from math import inf, nextafter

from router.cost.pools.pool import LoadSource

_RECENT = 256
_RENEWED_EVERY = 64
_FIRST_TOKENS = 1000.0
_MEMORY_OF_TOKENS = 0.01
# The fractional parts of its multiples spread over [0, 1) more evenly than any others' (Weyl).
_GOLDEN = (5.0**0.5 - 1.0) / 2.0


def shadow_usd(
    saturation: float, alternative_usd: float, floor_usd: float, rank: float, source: LoadSource
) -> float:
    """Return what routing takes a request on a pool to cost, in USD.

    Never falls as saturation rises; the floor up to ``source.idle_below``; never above the
    alternative but for the least step there is, which a full pool is dearer, so that equals do not
    stay.

    Args:
        saturation: How full the pool is, >= 0; see ``load.saturation``.
        alternative_usd: What the best alternative costs for this request, >= 0.
        floor_usd: What the request costs even on an idle pool, >= 0; if that is more than the
            alternative, it is the price.
        rank: Share of requests that are worth less on the pool, in [0, 1].
        source: Where the price begins to rise, and over which part work flows off.
    """
    if saturation <= source.idle_below or alternative_usd <= floor_usd:
        return floor_usd
    full_at = 1.0 - source.spread * (1.0 - rank)
    filled = (saturation - source.idle_below) / (1.0 - source.idle_below)
    if filled >= full_at:
        return nextafter(alternative_usd, inf)
    filled /= full_at
    return floor_usd + (alternative_usd - floor_usd) * filled * filled


class Worths:
    """How much the last requests would have saved for what they need of a pool, to rank the next.

    No lock: what is read is replaced whole, and a value lost to another thread changes nothing.

    Args:
        start: Where the even numbers begin, in [0, 1); routers that differ here do not agree.
    """

    __slots__ = ("_ranked", "_recent", "_sorted", "_start", "_taken", "_tokens")

    def __init__(self, start: float) -> None:
        self._start = start
        self._ranked, self._taken = count(), count()
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self._sorted: list[float] = []
        self._tokens = _FIRST_TOKENS  # of a usual request

    def take(self, saved_usd: float, seconds: float, tokens: float, cache_weight: float) -> float:
        """Take in a request; return its worth, what it saves for each second that it needs.

        A place is held for the seconds; room in the cache, for the seconds and for every token.

        Args:
            saved_usd: By serving it on the pool.
            seconds: Of a replica that it takes, > 0.
            tokens: It holds in the cache, > 0.
            cache_weight: How far the cache is what the pool runs out of, in [0, 1].
        """
        self._tokens += _MEMORY_OF_TOKENS * (tokens - self._tokens)
        worth = saved_usd / (seconds * (1.0 + cache_weight * (tokens / self._tokens - 1.0)))
        self._recent.append(worth)
        if next(self._taken) % _RENEWED_EVERY == 0:
            self._sorted = sorted(self._recent.copy())
        return worth

    def rank(self, worth: float) -> float:
        """Return the share of recent requests that were worth less, in [0, 1].

        Equals share their ranks evenly (randomised probability integral transform).

        Args:
            worth: As ``take`` returned it.
        """
        known, number = self._sorted, next(self._ranked)
        less = bisect_left(known, worth)
        equal = bisect_right(known, worth, lo=less) - less
        even = (self._start + number * _GOLDEN) % 1.0
        return (less + even * (equal + 1)) / (len(known) + 1)
