"""The deployments of a catalog that run on pools, priced by the loads in force.

The one place where a decision meets live load: it reads the published loads with one attribute,
takes no lock, and never waits. Reading them is ``poll``; the price itself is ``shadow``.
"""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from time import monotonic

from router.cost.pools.alternative import alternative_usd, least_by_adequacy
from router.cost.pools.average import average_usd_per_s, cold_start_usd, replica_seconds
from router.cost.pools.flow import Flow
from router.cost.pools.load import (
    Fullness,
    Load,
    PoolState,
    cache_weight,
    fullness_of,
    nothing_read,
    saturation,
)
from router.cost.pools.poll import Loads, Poller
from router.cost.pools.pool import Pool
from router.cost.pools.shadow import Worths, shadow_usd
from router.cost.pools.spills import Spills
from router.deferred.choice import by_deadline
from router.deferred.ways import Deadline
from router.types import Deployment, Estimate, IneligibleReason

_SECONDS_PER_HOUR = 3600.0
_TYPICAL_TOKENS = (500.0, 500.0)
_CLOSED = (PoolState.DOWN, PoolState.DRAINING)


@dataclass(frozen=True, slots=True)
class _Live:
    """A pool with what changes about it."""

    pool: Pool
    flow: Flow
    worths: Worths
    unread: Load
    cold_usd: float
    average_usd_per_s: float
    energy_usd_per_s: float
    is_spot: bool


class LivePools:
    """Prices of the deployments that run on pools.

    Args:
        deployments: Of the catalog, in its order.
        pools: Of the catalog.
        clock: Seconds that never go back.
        start: In [0, 1); by default drawn by lot, so that routers do not move in step.

    Attributes:
        loads: The loads in force, by pool; replaced whole by whoever reads them.
        spills: What flowed off the pools.
    """

    def __init__(
        self,
        deployments: Sequence[Deployment],
        pools: Sequence[Pool],
        clock: Callable[[], float] = monotonic,
        start: float | None = None,
    ) -> None:
        if start is None:
            start = random.random()  # noqa: S311  # tells routers apart, guards nothing
        self._clock = clock
        self._poller: Poller | None = None
        self._live = {pool.name: _live(pool, start) for pool in pools}
        self._at = [
            (index, self._live[item.pool]) for index, item in enumerate(deployments) if item.pool
        ]
        self._of = {deployments[index].id: live for index, live in self._at}
        self.spills = Spills((index, live.pool) for index, live in self._at)
        self.loads: Loads = {name: live.unread for name, live in self._live.items()}

    @property
    def flows(self) -> Mapping[str, Flow]:
        """What this router has sent to each pool, by its name."""
        return {name: live.flow for name, live in self._live.items()}

    @property
    def problems(self) -> Mapping[str, str]:
        """Why loads are not known, by address; empty before ``start``."""
        return {} if self._poller is None else self._poller.problems

    def fullness(self) -> dict[str, Fullness]:
        """Return how full the pools are whose load is read, by name; without those that are closed.

        As routing sees it now: what was sent since the last reading counts, a stale one does not.
        """
        loads, now, found = self.loads, self._clock(), {}
        for name, live in self._live.items():
            load = loads.get(name, live.unread)
            source = live.pool.load
            if source is not None and load.state not in (*_CLOSED, PoolState.COLD):
                full = saturation(load, source, live.flow.under_way(now), now)
                found[name] = fullness_of(load, live.pool, full)
        return found

    def start(self, on_change: Callable[[bool], None] = lambda known: None) -> None:
        """Begin to read the pools' loads, in a thread.

        Args:
            on_change: Told whether every pool's load is known, when that changes; from the thread.
        """
        pools = [live.pool for live in self._live.values()]
        self._poller = Poller(pools, self.flows, self._take, on_change)
        self._poller.start()

    def close(self) -> None:
        """Stop reading loads."""
        if self._poller is not None:
            self._poller.close()

    def _take(self, loads: Loads) -> None:
        self.loads = loads

    def priced(
        self,
        estimates: Sequence[Estimate],
        max_cost_usd: float | None,
        deadline: Deadline | None = None,
    ) -> tuple[Estimate, ...]:
        """Return all estimates, those on pools at the price of a place there.

        A pool that is down or draining is no candidate; one that is scaled to zero costs its
        average and a cold start. One of spot GPUs is a candidate for deferrable work only. Work
        that can wait is worth less there: its alternative is the cheapest way in time.

        Args:
            estimates: Of every deployment of the catalog, in its order.
            max_cost_usd: Most a candidate may cost, or None.
            deadline: Of the request, or None.
        """
        loads, now = self.loads, self._clock()
        result = list(estimates)
        rest = estimates if deadline is None else by_deadline(estimates, deadline, max_cost_usd)[0]
        least = least_by_adequacy(rest)
        for index, live in self._at:
            one = result[index]
            load = loads.get(live.pool.name, live.unread)
            cost = _cost(one, live, load, least, now)
            failed = one.ineligible
            over = max_cost_usd is not None and cost > max_cost_usd
            kept_off = live.is_spot and deadline is None
            if failed or over or kept_off or load.state in _CLOSED:
                failed = tuple(_failed(one, load, over, kept_off))
            # Written out: naming the two that change takes three times as long.
            deployment, adequacy, _, tokens_in, tokens_out, _, cache_use = one
            result[index] = Estimate(
                deployment, adequacy, cost, tokens_in, tokens_out, failed, cache_use
            )
        return tuple(result)

    def took(self, chosen: Estimate, estimates: Sequence[Estimate] = ()) -> None:
        """Be told what was chosen, to count on it until the next reading shows it.

        Args:
            chosen: Who is asked.
            estimates: As ``priced`` returned them, to count what flows off; empty: nothing is.
        """
        if estimates:
            self.spills.count(chosen, estimates)
        live = self._of.get(chosen.deployment.id)
        if live is not None:
            seconds = replica_seconds(live.pool, chosen.input_tokens, chosen.output_tokens)
            live.flow.send(self._clock(), live.pool.throughput.concurrency * seconds)

    def took_instead(self, chosen: Estimate, asked: Estimate) -> None:
        """Be told that not what was chosen is asked, as ``took`` was told, but another."""
        live = self._of.get(chosen.deployment.id)
        if live is not None:
            live.flow.take_back(self._clock())
        self.took(asked)


def live_pools(deployments: Sequence[Deployment], pools: Sequence[Pool]) -> LivePools | None:
    """Return the prices of a catalog's deployments on pools; None if no deployment names one."""
    return LivePools(deployments, pools) if any(item.pool for item in deployments) else None


def _live(pool: Pool, start: float) -> _Live:
    energy = pool.gpus_per_replica * pool.energy_usd_per_gpu_hour / _SECONDS_PER_HOUR
    seconds = pool.throughput.concurrency * replica_seconds(pool, *_TYPICAL_TOKENS)
    return _Live(
        pool=pool,
        flow=Flow(seconds),
        worths=Worths(start),
        unread=nothing_read(pool),
        cold_usd=cold_start_usd(pool),
        average_usd_per_s=average_usd_per_s(pool),
        energy_usd_per_s=energy,
        is_spot=pool.purchase == "spot",
    )


def _cost(
    one: Estimate, live: _Live, load: Load, least: list[tuple[float, float]], now: float
) -> float:
    """Return what a candidate on a pool is taken to cost, in USD."""
    pool, source = live.pool, live.pool.load
    work = replica_seconds(pool, one.input_tokens, one.output_tokens)
    average = work * live.average_usd_per_s
    if load.state is PoolState.COLD:
        return average + live.cold_usd
    if source is None or load.state in _CLOSED or work == 0.0:
        return average
    dearest = alternative_usd(one, least, average)
    # What runs only while it is used costs its average; what runs anyway, its energy.
    floor = average if pool.cold_start is not None else work * live.energy_usd_per_s
    full = saturation(load, source, live.flow.under_way(now), now)
    tokens = one.input_tokens + one.output_tokens
    worth = live.worths.take(dearest - floor, work, tokens, cache_weight(load, source))
    return shadow_usd(full, dearest, floor, live.worths.rank(worth), source)


def _failed(one: Estimate, load: Load, over: bool, kept_off: bool) -> Iterator[IneligibleReason]:
    """Yield why a candidate on a pool may not serve, its list price aside."""
    for reason in one.ineligible:
        if reason is not IneligibleReason.OVER_MAX_COST:
            yield reason
    if over:
        yield IneligibleReason.OVER_MAX_COST
    if load.state in _CLOSED:
        yield IneligibleReason.POOL_UNAVAILABLE
    if kept_off:
        yield IneligibleReason.DEFERRABLE_ONLY
