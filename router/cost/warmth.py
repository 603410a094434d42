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

from router.cost.estimate import cost_parts, expected_cost_usd
from router.cost.price import CacheUse, Price, PromptCache
from router.types import Deployment

MOST_SESSIONS = 10_000
KEPT_REPORTS = 101
SHRINKAGE = 10.0


class _Kept(NamedTuple):
    tokens: float
    until: float


class _Reported(NamedTuple):
    shares: tuple[float, ...]
    total: float


_NONE = _Reported((), 0.0)


class CacheMemory:
    """Where sessions have been and what was read, by id of a deployment.

    It may be shared by the caches of several catalogs, so that a new catalog begins warm. Safe from
    several threads.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._sessions: OrderedDict[str, Mapping[str, _Kept]] = OrderedDict()
        self._reports: dict[str, _Reported] = {}

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

    def used(self, session: str, deployment: str, input_tokens: float) -> None:
        """Note that a session goes on at a deployment with a prompt of so many tokens."""
        cache = self._caches.get(deployment)
        if cache is None or input_tokens < cache.min_tokens:
            return
        until = self._clock() + cache.ttl_seconds
        self._memory.keep(session, deployment, _Kept(input_tokens, until))

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
        read = warm * self._memory.hit_rate(deployment, cache.hit_rate)
        use = CacheUse(warm, read, input_tokens - read)
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
