"""Reading the load of pools, again and again, in a thread of its own and off every call's path.

One coroutine an endpoint: it asks, waits, asks again, with jitter so that routers do not ask in
step, and more and more rarely while it fails (exponential back-off). After every answer the loads
of all pools are replaced by a new mapping as a whole; whoever reads takes one attribute and no
lock. What a reading means is ``load``; what it does to prices is ``live``.
"""

import asyncio
import logging
import random
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from time import monotonic
from types import MappingProxyType

from router.cost.pools.engines import Reading, read_load
from router.cost.pools.flow import Flow
from router.cost.pools.http import FetchError, fetch
from router.cost.pools.load import Load, PoolState, load_of, nothing_read
from router.cost.pools.pool import LoadSource, Pool
from router.errors import RouterError

_JITTER = 0.1
_UNAVAILABLE = 503

logger = logging.getLogger("router.pools")

Loads = Mapping[str, Load]


@dataclass(slots=True)
class _Endpoint:
    """What is known of one address. Only the poller's thread touches it."""

    url: str
    reading: Reading | None = None
    at: float = float("-inf")
    failures: int = 0
    problem: str = "not read yet"
    refused: bool = False
    draining: bool = False


@dataclass(slots=True)
class _Polled:
    pool: Pool
    source: LoadSource
    flow: Flow
    endpoints: list[_Endpoint] = field(default_factory=list)


class Poller:
    """Keeps the loads of pools fresh while it runs.

    Args:
        pools: Those without a load source, and those that drain, are left alone.
        flows: Own flow into each pool, by its name.
        publish: Given the loads of all pools, by name, after every answer; from the thread.
        on_change: Told whether every pool's load is known, when that changes; from the thread.

    Attributes:
        problems: Why the load of a pool is not whole, by address; replaced whole.
    """

    def __init__(
        self,
        pools: Sequence[Pool],
        flows: Mapping[str, Flow],
        publish: Callable[[Loads], None],
        on_change: Callable[[bool], None] = lambda known: None,
    ) -> None:
        self._polled = [
            _Polled(pool, pool.load, flows[pool.name], [_Endpoint(url) for url in pool.load.urls])
            for pool in pools
            if pool.load is not None and not pool.draining
        ]
        self._publish_loads = publish
        self._on_change = on_change
        self._jitter = random.Random()  # noqa: S311  # spreads polls, guards nothing
        self._known: bool | None = None
        self._stop: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._loads: Loads = {one.pool.name: nothing_read(one.pool) for one in self._polled}
        self.problems: Mapping[str, str] = MappingProxyType({})

    def start(self) -> None:
        """Begin to read; returns at once."""
        ready = threading.Event()
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._run(ready)), name="router-pools", daemon=True
        )
        self._thread.start()
        ready.wait()

    def close(self) -> None:
        """Stop reading and wait for the thread; nothing is published afterwards."""
        if self._thread is None or self._loop is None or self._stop is None:
            return
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        self._thread = None

    async def _run(self, ready: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        ready.set()
        tasks = [
            asyncio.create_task(self._follow(one, endpoint))
            for one in self._polled
            for endpoint in one.endpoints
        ]
        tasks.append(asyncio.create_task(self._watch_age()))
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, one: _Polled, endpoint: _Endpoint) -> None:
        while True:
            await self._read(one, endpoint)
            self._publish()
            await asyncio.sleep(self._pause(one.source, endpoint))

    async def _watch_age(self) -> None:
        """Notice readings that grow stale although nothing comes, which no answer would tell."""
        while self._polled:
            await asyncio.sleep(min(one.source.interval_s for one in self._polled))
            self._publish()

    def _pause(self, source: LoadSource, endpoint: _Endpoint) -> float:
        """Return the time to the next reading: the interval, doubled with every failure."""
        longest = max(source.longest_pause_s, source.interval_s)
        pause = min(source.interval_s * 2.0 ** min(endpoint.failures, 16), longest)
        return pause * self._jitter.uniform(1.0 - _JITTER, 1.0 + _JITTER)

    async def _read(self, one: _Polled, endpoint: _Endpoint) -> None:
        asked = monotonic() - one.source.late_s
        try:
            reading = read_load(await fetch(endpoint.url, one.source.timeout_s), one.source)
        except RouterError as error:
            self._failed(one, endpoint, error)
            return
        except Exception as error:  # whatever an address gives must not end the readings of others
            logger.exception("pool %s: %s: unforeseen", one.pool.name, endpoint.url)
            self._failed(one, endpoint, FetchError(f"unforeseen: {type(error).__name__}"))
            return
        if endpoint.failures:
            logger.info("pool %s: %s: read again", one.pool.name, endpoint.url)
        endpoint.reading, endpoint.at, endpoint.failures = reading, asked, 0
        endpoint.problem, endpoint.refused, endpoint.draining = "", False, False

    def _failed(self, one: _Polled, endpoint: _Endpoint, error: RouterError) -> None:
        refused = isinstance(error, FetchError) and error.refused
        draining = isinstance(error, FetchError) and error.status == _UNAVAILABLE
        if endpoint.problem != error.message:
            logger.warning("pool %s: %s: %s", one.pool.name, endpoint.url, error.message)
        endpoint.failures += 1
        endpoint.problem, endpoint.refused, endpoint.draining = error.message, refused, draining

    def _publish(self) -> None:
        now = monotonic()
        loads = {one.pool.name: self._load(one, now) for one in self._polled}
        for name, load in loads.items():
            if load.state is not self._loads[name].state:
                log = logger.info if load.state is PoolState.SERVING else logger.warning
                log("pool %s is %s", name, load.state.value)
        self.problems = MappingProxyType(
            {end.url: end.problem for one in self._polled for end in one.endpoints if end.problem}
        )
        self._loads = MappingProxyType(loads)
        self._publish_loads(self._loads)
        known = all(load.state is PoolState.SERVING for load in loads.values())
        if known is not self._known:
            self._known = known
            self._on_change(known)

    def _load(self, one: _Polled, now: float) -> Load:
        ends, source, pool = one.endpoints, one.source, one.pool
        before = self._loads[pool.name]
        if all(end.refused for end in ends):
            return before._replace(state=PoolState.COLD if pool.cold_start else PoolState.DOWN)
        if any(end.draining for end in ends) and all(end.draining or end.refused for end in ends):
            return before._replace(state=PoolState.DRAINING)
        fresh = [
            end
            for end in ends
            if end.reading is not None
            and not end.refused
            and not end.draining
            and now - end.at < source.stale_after_s
        ]
        if not fresh:
            return before._replace(state=PoolState.UNKNOWN)
        newest = max(end.at for end in fresh)
        if newest == before.at and before.state is PoolState.SERVING:
            return before
        readings = [end.reading for end in fresh if end.reading is not None]
        return load_of(pool, readings, newest, one.flow)
