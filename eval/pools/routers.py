"""Routers that differ in one thing only: what they take a request on the pool to cost.

All choose the cheapest adequate deployment, with the rule that serves. Those with live load use
the classes that serve as they are, in virtual time.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from math import inf
from typing import Protocol

from eval.pools.plant import Plant
from router.cost.estimate import expected_cost_usd
from router.cost.pools.average import replica_seconds, usd_per_hour
from router.cost.pools.engines import Reading
from router.cost.pools.flow import Flow
from router.cost.pools.live import LivePools
from router.cost.pools.load import load_of, nothing_read, saturation
from router.cost.pools.pool import LoadSource, Pool
from router.cost.price import Price
from router.types import Capabilities, Deployment, Estimate

_CAN = Capabilities(context_window_tokens=1_000_000, max_output_tokens=100_000)
_DAY = date(2026, 11, 12)
POOL_AT = 2


def _api(name: str, tier: str, dear_in: float, dear_out: float) -> Deployment:
    price = Price(dear_in, dear_out, _DAY, "litellm 1.109.1")
    return Deployment(name, tier, "api", "api", name, _CAN, price)


# The list price is that of a host of middle price for the pool's own model.
LIST_PRICE = Price(0.72, 0.72, _DAY, "a host of the same model")
SMALL = _api("claude-haiku-5-5", "small", 0.10, 0.50)
MEDIUM = _api("gemini-3.8-flash", "medium", 0.75, 3.75)
OWN = Deployment("pool", "medium", "gpu", "own", "own", _CAN, LIST_PRICE, pool="pool")
DEPLOYMENTS = (SMALL, MEDIUM, OWN)


class Router(Protocol):
    """One router process."""

    def cost(self, estimates: list[Estimate], now: float) -> float:
        """Return what the pool is taken to cost for a request; estimates are of ``DEPLOYMENTS``."""
        ...

    def took(self, chosen: Estimate) -> None:
        """Be told the choice."""
        ...

    def read(self, reading: Reading, now: float) -> None:
        """Be given a reading of the pool's load."""
        ...


class Fixed:
    """A cost that live load does not change: list price, nothing, or more than anything."""

    def __init__(self, usd: Callable[[Estimate], float]) -> None:
        self._usd = usd

    def cost(self, estimates: list[Estimate], now: float) -> float:  # noqa: D102
        return self._usd(estimates[POOL_AT])

    def took(self, chosen: Estimate) -> None:  # noqa: D102
        pass

    def read(self, reading: Reading, now: float) -> None:  # noqa: D102
        pass


class Average(Fixed):
    """The average cost at the utilisation of the last readings, at least five percent.

    The utilisation is requests under way over places, smoothed over about ten minutes.
    """

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._per_second = usd_per_hour(pool) / pool.replicas / 3600.0
        self._used, self._at = pool.planned_utilisation, 0.0

    def cost(self, estimates: list[Estimate], now: float) -> float:  # noqa: D102
        one = estimates[POOL_AT]
        work = replica_seconds(self._pool, one.input_tokens, one.output_tokens)
        return work * self._per_second / max(self._used, 0.05)

    def read(self, reading: Reading, now: float) -> None:  # noqa: D102
        places = self._pool.replicas * self._pool.throughput.concurrency
        share = min((reading.running or 0.0) / places, 1.0)
        keep = 0.5 ** ((now - self._at) / 600.0)
        self._used, self._at = self._used * keep + share * (1.0 - keep), now


class Shadow:
    """The shadow price as it is served."""

    def __init__(self, pool: Pool, start: float, clock: Callable[[], float]) -> None:
        self._pool = pool
        self._live = LivePools(DEPLOYMENTS, [pool], clock, start)

    def cost(self, estimates: list[Estimate], now: float) -> float:  # noqa: D102
        return self._live.priced(estimates, None)[POOL_AT].expected_cost_usd

    def took(self, chosen: Estimate) -> None:  # noqa: D102
        self._live.took(chosen)

    def read(self, reading: Reading, now: float) -> None:  # noqa: D102
        at = now - (self._pool.load.late_s if self._pool.load is not None else 0.0)
        load = load_of(self._pool, [reading], at, self._live.flows["pool"])
        self._live.loads = {"pool": load}


class Plain(Fixed):
    """One price for all by the last reading alone: no own count, nobody leaves before another.

    Between idle and full it rises in a straight line to the alternative.
    """

    def __init__(self, pool: Pool, source: LoadSource) -> None:
        self._source = source
        self._load = nothing_read(pool)
        self._pool = pool

    def cost(self, estimates: list[Estimate], now: float) -> float:  # noqa: D102
        full = saturation(self._load, self._source, self._load.own, now)
        if full >= 1.0:
            return inf
        rest = [one for one in estimates if not one.deployment.pool and not one.ineligible]
        filled = (full - self._source.idle_below) / (1.0 - self._source.idle_below)
        return min(one.expected_cost_usd for one in rest) * max(filled, 0.0)

    def read(self, reading: Reading, now: float) -> None:  # noqa: D102
        self._load = load_of(self._pool, [reading], now, Flow(1.0))


class UntilFull(Fixed):
    """The list price until the last reading says that the pool is full."""

    def __init__(self, pool: Pool, source: LoadSource) -> None:
        super().__init__(_of_list_price)
        self._pool, self._source = pool, source
        self._load = nothing_read(pool)

    def cost(self, estimates: list[Estimate], now: float) -> float:  # noqa: D102
        if saturation(self._load, self._source, self._load.own, now) >= 1.0:
            return inf
        return super().cost(estimates, now)

    def read(self, reading: Reading, now: float) -> None:  # noqa: D102
        self._load = load_of(self._pool, [reading], now, Flow(1.0))


class Instant(Shadow):
    """The shadow price with a reading before every request: what no router can have."""

    def __init__(self, pool: Pool, start: float, plant: Plant) -> None:
        super().__init__(pool, start, lambda: plant.now)
        self._plant = plant

    def cost(self, estimates: list[Estimate], now: float) -> float:  # noqa: D102
        self._live.loads = {"pool": load_of(self._pool, [self._plant.reading()], now, Flow(1.0))}
        return super().cost(estimates, now)

    def took(self, chosen: Estimate) -> None:  # noqa: D102
        pass


@dataclass(frozen=True, slots=True)
class Way:
    """A way to price the pool.

    Attributes:
        name: For tables.
        make: One router process, from pool, its start in [0, 1) and the plant.
    """

    name: str
    make: Callable[[Pool, float, Plant], Router]


def _of_list_price(one: Estimate) -> float:
    return expected_cost_usd(LIST_PRICE, one.input_tokens, one.output_tokens)


def _shadow(pool: Pool, start: float, plant: Plant) -> Router:
    return Shadow(pool, start, lambda: plant.now)


def _plain(pool: Pool, start: float, plant: Plant) -> Router:
    assert pool.load is not None  # noqa: S101  # every pool of the study is read
    return Plain(pool, pool.load)


def _until_full(pool: Pool, start: float, plant: Plant) -> Router:
    assert pool.load is not None  # noqa: S101  # every pool of the study is read
    return UntilFull(pool, pool.load)


WAYS = (
    Way("shadow price", _shadow),
    Way("list price", lambda pool, start, plant: Fixed(_of_list_price)),
    Way("list price until full", _until_full),
    Way("average cost", lambda pool, start, plant: Average(pool)),
    Way("always API", lambda pool, start, plant: Fixed(lambda one: inf)),
    Way("always pool", lambda pool, start, plant: Fixed(lambda one: 0.0)),
    Way("last reading alone", _plain),
    Way("instant readings", Instant),
)
