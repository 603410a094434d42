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


class PromptCaches:
    """The caches of some deployments, as far as their sessions are known here.

    Args:
        deployments: Those with a ``prompt_cache`` have one.
        clock: Seconds that only rise.
    """

    def __init__(
        self, deployments: Sequence[Deployment], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._caches: dict[str, PromptCache] = {
            item.id: item.prompt_cache for item in deployments if item.prompt_cache is not None
        }
        self._clock = clock
        self._lock = Lock()
        self._sessions: OrderedDict[str, Mapping[str, _Kept]] = OrderedDict()
        self._reports: dict[str, tuple[float, ...]] = {}
        self._hit_rates = {name: cache.hit_rate for name, cache in self._caches.items()}

    def __bool__(self) -> bool:
        return bool(self._caches)

    def used(self, session: str, deployment: str, input_tokens: float) -> None:
        """Note that a session goes on at a deployment with a prompt of so many tokens."""
        cache = self._caches.get(deployment)
        if cache is None or input_tokens < cache.min_tokens:
            return
        kept = _Kept(input_tokens, self._clock() + cache.ttl_seconds)
        with self._lock:
            self._sessions[session] = {**self._sessions.get(session, {}), deployment: kept}
            self._sessions.move_to_end(session)
            if len(self._sessions) > MOST_SESSIONS:
                self._sessions.popitem(last=False)

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
        kept = self._sessions.get(session, {}).get(deployment)
        warm = 0.0
        if kept is not None and self._clock() < kept.until:
            warm = min(kept.tokens, input_tokens)
        read = warm * self._hit_rates[deployment]
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
        """Learn the hit rate: of so many tokens thought warm (> 0), so many were read.

        The rate is the mean of the last reports, drawn to the catalog's as if ``SHRINKAGE`` had
        said so.
        """
        cache = self._caches.get(deployment)
        if cache is None:
            return
        with self._lock:
            share = min(read_tokens / warm_tokens, 1.0)
            reports = (*self._reports.get(deployment, ()), share)[-KEPT_REPORTS:]
            self._reports[deployment] = reports
            total = sum(reports) + SHRINKAGE * cache.hit_rate
            self._hit_rates[deployment] = total / (len(reports) + SHRINKAGE)

    def hit_rate(self, deployment: str) -> float | None:
        """Return the share of warm tokens that is expected to be read; None without a cache."""
        return self._hit_rates.get(deployment)
