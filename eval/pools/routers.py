"""Routers that differ in one thing only: what they take a request on the pool to cost.

All choose with the rule that serves. Those with live load use the classes that serve as they are,
in virtual time.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf
from typing import Protocol

from eval.pools.market import Market
from eval.pools.plant import Plant
from router.cost.pools.average import replica_seconds, usd_per_hour
from router.cost.pools.engines import Reading
from router.cost.pools.flow import Flow
from router.cost.pools.live import LivePools
from router.cost.pools.load import load_of, nothing_read, saturation
from router.cost.pools.pool import LoadSource, Pool
from router.deferred.ways import Deadline
from router.types import Estimate


@dataclass(frozen=True, slots=True)
class View:
    """What one router process is made from.

    Attributes:
        market: Who may serve.
        pool: As stated; its load is read.
        start: Where its even numbers begin, in [0, 1).
        plant: The pool as it is; a router looks at its clock only.
    """

    market: Market
    pool: Pool
    start: float
    plant: Plant

    @property
    def source(self) -> LoadSource:
        """How the pool's load is judged."""
        assert self.pool.load is not None  # noqa: S101  # every simulated pool is read
        return self.pool.load


class Router(Protocol):
    """One router process."""

    def cost(
        self, estimates: list[Estimate], now: float, deadline: Deadline | None = None
    ) -> float:
        """Return what the pool is taken to cost for a request, from the market's estimates."""
        ...

    def took(self, chosen: Estimate) -> None:
        """Be told the choice."""
        ...

    def read(self, reading: Reading, replicas: int, now: float) -> None:
        """Be given a reading of the load of all replicas that run."""
        ...


class Fixed:
    """A cost that live load does not change; the list price by default."""

    def __init__(self, view: View, usd: float | None = None) -> None:
        self._own_at = view.market.own_at
        self._usd = usd

    def cost(  # noqa: D102
        self, estimates: list[Estimate], now: float, deadline: Deadline | None = None
    ) -> float:
        return estimates[self._own_at].expected_cost_usd if self._usd is None else self._usd

    def took(self, chosen: Estimate) -> None:  # noqa: D102
        pass

    def read(self, reading: Reading, replicas: int, now: float) -> None:  # noqa: D102
        pass


class Average(Fixed):
    """The average cost at the utilisation of the last readings, at least five percent.

    The utilisation is requests under way over places, smoothed over about ten minutes.
    """

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._pool = pool = view.pool
        self._per_second = usd_per_hour(pool) / pool.replicas / 3600.0
        self._used, self._at = pool.planned_utilisation, 0.0

    def cost(  # noqa: D102
        self, estimates: list[Estimate], now: float, deadline: Deadline | None = None
    ) -> float:
        one = estimates[self._own_at]
        work = replica_seconds(self._pool, one.input_tokens, one.output_tokens)
        return work * self._per_second / max(self._used, 0.05)

    def read(self, reading: Reading, replicas: int, now: float) -> None:  # noqa: D102
        places = replicas * self._pool.throughput.concurrency
        share = min((reading.running or 0.0) / places, 1.0)
        keep = 0.5 ** ((now - self._at) / 600.0)
        self._used, self._at = self._used * keep + share * (1.0 - keep), now


class Shadow:
    """The shadow price as it is served."""

    def __init__(self, view: View) -> None:
        market, plant = view.market, view.plant
        self._pool, self._own_at = view.pool, market.own_at
        self._late_s = view.source.late_s
        self._live = LivePools(market.deployments, [view.pool], lambda: plant.now, view.start)

    def cost(  # noqa: D102
        self, estimates: list[Estimate], now: float, deadline: Deadline | None = None
    ) -> float:
        return self._live.priced(estimates, None, deadline)[self._own_at].expected_cost_usd

    def took(self, chosen: Estimate) -> None:  # noqa: D102
        self._live.took(chosen)

    def read(self, reading: Reading, replicas: int, now: float) -> None:  # noqa: D102
        running, name = replace(self._pool, replicas=replicas), self._pool.name
        load = load_of(running, [reading], now - self._late_s, self._live.flows[name])
        self._live.loads = {name: load}


class Plain(Fixed):
    """One price for all by the last reading alone: no own count, nobody leaves before another.

    Between idle and full it rises in a straight line to the alternative.
    """

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._source, self._pool = view.source, view.pool
        self._load = nothing_read(view.pool)

    def cost(  # noqa: D102
        self, estimates: list[Estimate], now: float, deadline: Deadline | None = None
    ) -> float:
        full = saturation(self._load, self._source, self._load.own, now)
        if full >= 1.0:
            return inf
        adequacy = estimates[self._own_at].adequacy
        rest = [
            one.expected_cost_usd
            for one in estimates
            if not (one.deployment.pool or one.ineligible) and one.adequacy >= adequacy
        ]
        filled = (full - self._source.idle_below) / (1.0 - self._source.idle_below)
        return min(rest, default=super().cost(estimates, now, deadline)) * max(filled, 0.0)

    def read(self, reading: Reading, replicas: int, now: float) -> None:  # noqa: D102
        self._load = load_of(replace(self._pool, replicas=replicas), [reading], now, Flow(1.0))


class UntilFull(Fixed):
    """The list price until the last reading says that the pool is full."""

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._pool, self._source = view.pool, view.source
        self._load = nothing_read(view.pool)

    def cost(  # noqa: D102
        self, estimates: list[Estimate], now: float, deadline: Deadline | None = None
    ) -> float:
        if saturation(self._load, self._source, self._load.own, now) >= 1.0:
            return inf
        return super().cost(estimates, now, deadline)

    def read(self, reading: Reading, replicas: int, now: float) -> None:  # noqa: D102
        self._load = load_of(replace(self._pool, replicas=replicas), [reading], now, Flow(1.0))


class Instant(Shadow):
    """The shadow price with a reading before every request: what no router can have."""

    def __init__(self, view: View) -> None:
        super().__init__(view)
        self._plant = view.plant

    def cost(  # noqa: D102
        self, estimates: list[Estimate], now: float, deadline: Deadline | None = None
    ) -> float:
        running = replace(self._pool, replicas=self._plant.replicas)
        load = load_of(running, [self._plant.reading()], now, Flow(1.0))
        self._live.loads = {self._pool.name: load}
        return super().cost(estimates, now, deadline)

    def took(self, chosen: Estimate) -> None:  # noqa: D102
        pass


@dataclass(frozen=True, slots=True)
class Way:
    """A way to price the pool.

    Attributes:
        name: For tables.
        make: One router process.
    """

    name: str
    make: Callable[[View], Router]


WAYS = (
    Way("shadow price", Shadow),
    Way("list price", Fixed),
    Way("list price until full", UntilFull),
    Way("average cost", Average),
    Way("always API", lambda view: Fixed(view, inf)),
    Way("always pool", lambda view: Fixed(view, 0.0)),
    Way("last reading alone", Plain),
    Way("instant readings", Instant),
)
