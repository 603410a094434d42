"""What providers' prompt caches are expected to hold of a session, and what a turn then costs.

A provider keeps the prompt of a call for some time and charges the same beginning less when it
comes again, sometimes more the first time. So going on where a session has been is cheaper than its
price list says, and leaving means paying for the whole prompt again: both fall out of the expected
cost.

Kept in memory, for the sessions used last; another process knows other sessions. What was really
read is only ever what a provider reports.
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from threading import Lock
from typing import NamedTuple

from router.cost.breakpoints import (
    LONG_SECONDS,
    Advice,
    Past,
    Write,
    advise,
    expected_ahead,
)
from router.cost.estimate import cost_parts, expected_cost_usd
from router.cost.later import CREDITED
from router.cost.price import CacheUse, Price, PromptCache, Rates
from router.types import Deployment

MOST_SESSIONS = 10_000
KEPT_REPORTS = 101
SHRINKAGE = 10.0
_RETURNS = 0.5


class _Kept(NamedTuple):
    """What a session left at a deployment, and when it was there; ``tokens`` 0: nothing."""

    tokens: float
    until: float
    past: Past
    is_long: bool = False


class _Reported(NamedTuple):
    shares: tuple[float, ...]
    total: float


_NONE = _Reported((), 0.0)
_NOBODY = (0, Past(0.0))


class CacheMemory:
    """Where sessions have been and what was read, by id of a deployment.

    It may be shared by the caches of several catalogs, so that a new catalog begins warm. Safe from
    several threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._sessions: OrderedDict[str, Mapping[str, _Kept]] = OrderedDict()
        self._reports: dict[str, _Reported] = {}
        self._pasts: dict[str, tuple[int, Past]] = {}

    def kept(self, session: str, deployment: str) -> _Kept | None:
        """Return what a session left at a deployment."""
        return self._sessions.get(session, {}).get(deployment)

    def keep(self, session: str, deployment: str, kept: _Kept) -> None:
        """Note what a session leaves at a deployment; the session used longest ago may go."""
        with self._lock:
            self._sessions[session] = {**self._sessions.get(session, {}), deployment: kept}
            self._sessions.move_to_end(session)
            if len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)

    def came(self, deployment: str, before: Past | None, now: Past) -> None:
        """Note a turn at a deployment among those of all sessions: the first, or one more gap."""
        with self._lock:
            begun, (_, gaps, short, long) = self._pasts.get(deployment, _NOBODY)
            if before is None:
                begun += 1
            else:
                gaps += now.gaps - before.gaps
                short += now.short - before.short
                long += now.long - before.long
            self._pasts[deployment] = begun, Past(now.at, gaps, short, long)

    def pasts(self, deployment: str) -> tuple[int, Past]:
        """Return how many sessions were at a deployment, and their gaps."""
        return self._pasts.get(deployment, _NOBODY)

    def return_rate(self, deployment: str) -> float:
        """Return how often a prompt left at a deployment is come back to while it is kept.

        The share of all turns there, drawn to a half as if ``SHRINKAGE`` turns had said so.
        """
        begun, past = self._pasts.get(deployment, _NOBODY)
        return (past.short + SHRINKAGE * _RETURNS) / (begun + past.gaps + SHRINKAGE)

    def report(self, deployment: str, warm_tokens: float, read_tokens: float) -> None:
        """Note that of so many tokens thought warm (> 0), so many were read."""
        share = min(read_tokens / warm_tokens, 1.0)
        with self._lock:
            shares = (*self._reports.get(deployment, _NONE).shares, share)[-KEPT_REPORTS:]
            self._reports[deployment] = _Reported(shares, sum(shares))

    def hit_rate(self, deployment: str, stated: float) -> float:
        """Return the mean of the last reports, drawn to ``stated`` as if ``SHRINKAGE`` said so."""
        known = self._reports.get(deployment)
        if known is None:
            return stated
        return (known.total + SHRINKAGE * stated) / (len(known.shares) + SHRINKAGE)


class PromptCaches:
    """The caches of some deployments, as far as their sessions are known here.

    Args:
        deployments: Those with a ``prompt_cache`` have one.
        memory: Of sessions and reports; None begins cold.
        clock: Seconds that only rise; the same for all who share the memory.
    """

    def __init__(
        self,
        deployments: Sequence[Deployment],
        memory: CacheMemory | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._caches: dict[str, PromptCache] = {
            item.id: item.prompt_cache for item in deployments if item.prompt_cache is not None
        }
        self._memory = memory or CacheMemory()
        self._clock = clock

    def __bool__(self) -> bool:
        return bool(self._caches)

    def used(
        self, session: str, deployment: str, input_tokens: float, advice: Advice | None = None
    ) -> None:
        """Note that a session goes on at a deployment with a prompt of so many tokens.

        Args:
            session: Which.
            deployment: Where.
            input_tokens: Of the whole prompt.
            advice: That the caller follows; None: all of the prompt is written, for the time the
                catalog states.
        """
        cache = self._caches.get(deployment)
        if cache is None or input_tokens < cache.min_tokens:
            return
        now, kept = self._clock(), self._memory.kept(session, deployment)
        past = self._past(cache, kept, now)
        tokens, is_long = input_tokens, False
        if advice is not None:
            is_long = advice.write is Write.LONG
            if advice.write is Write.NONE:  # what is warm is read, and so kept on; no more is
                is_warm = kept is not None and now < kept.until
                tokens = kept.tokens if kept is not None and is_warm else 0.0
                is_long = kept is not None and kept.is_long
        until = now + (LONG_SECONDS if is_long else cache.ttl_seconds)
        self._memory.came(deployment, None if kept is None else kept.past, past)
        self._memory.keep(session, deployment, _Kept(tokens, until, past, is_long))

    def advise(
        self, session: str, deployment: str, price: Price, input_tokens: float, use: CacheUse
    ) -> Advice | None:
        """Say whether this turn's prompt is worth writing; None where writing costs nothing more.

        Args:
            session: Which.
            deployment: Where it goes on.
            price: Of the deployment.
            input_tokens: Of the whole prompt.
            use: As ``cost`` told it.
        """
        cache, rates = self._caches[deployment], price.rates(input_tokens)
        if rates.cache_write_5m <= rates.uncached_input:
            return None
        now, kept = self._clock(), self._memory.kept(session, deployment)
        past = self._past(cache, kept, now)
        times = _times(cache, rates)
        if kept is not None and use.warm_tokens:  # one prompt is kept for one time
            times = tuple(one for one in times if kept.is_long == (one is Write.LONG))
        ahead = expected_ahead(past, *self._memory.pasts(deployment))
        hit_rate = self._memory.hit_rate(deployment, cache.hit_rate)
        return advise(rates, use.write_tokens, ahead, hit_rate, times=times)

    @staticmethod
    def _past(cache: PromptCache, kept: _Kept | None, now: float) -> Past:
        """Return a session's past with this turn."""
        return Past(now) if kept is None else kept.past.then(now, cache.ttl_seconds)

    def cost(
        self, session: str, deployment: str, price: Price, input_tokens: float, output_tokens: float
    ) -> tuple[float, CacheUse | None]:
        """Return the expected cost of a turn in USD, and what its cache has to do with it.

        What the cache holds is read at the deployment's hit rate; all other input is written to it,
        if the prompt is long enough to be kept at all.
        """
        cache = self._caches.get(deployment)
        if cache is None or input_tokens < cache.min_tokens:
            return expected_cost_usd(price, input_tokens, output_tokens), None
        kept = self._memory.kept(session, deployment)
        warm = 0.0
        if kept is not None and self._clock() < kept.until:
            warm = min(kept.tokens, input_tokens)
        hit_rate = self._memory.hit_rate(deployment, cache.hit_rate)
        read, rates = warm * hit_rate, price.rates(input_tokens)
        usd_per_mtok = max(rates.cache_write_5m - rates.cache_read, 0.0)
        again = CREDITED * self._memory.return_rate(deployment) * hit_rate
        later = again * (input_tokens - warm) * usd_per_mtok / 1_000_000.0
        use = CacheUse(warm, read, input_tokens - read, later)
        parts = cost_parts(
            price,
            input_tokens,
            output_tokens,
            cache_read_tokens=use.read_tokens,
            cache_write_tokens=use.write_tokens,
        )
        return sum(parts), use

    def report(self, deployment: str, warm_tokens: float, read_tokens: float) -> None:
        """Learn the hit rate: of so many tokens thought warm (> 0), so many were read."""
        if deployment in self._caches:
            self._memory.report(deployment, warm_tokens, read_tokens)

    def hit_rate(self, deployment: str) -> float | None:
        """Return the share of warm tokens that is expected to be read; None without a cache."""
        cache = self._caches.get(deployment)
        return None if cache is None else self._memory.hit_rate(deployment, cache.hit_rate)


def _times(cache: PromptCache, rates: Rates[float]) -> tuple[Write, ...]:
    """Return for which times a provider keeps prompts: the long one where it has its own price."""
    if cache.ttl_seconds >= LONG_SECONDS or rates.cache_write_1h <= rates.cache_write_5m:
        return (Write.SHORT,)
    return Write.SHORT, Write.LONG
