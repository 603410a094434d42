"""One run: traffic through routers onto a pool and APIs, event by event in virtual time."""

from math import inf

import numpy as np

from eval.arrays import FloatArray
from eval.pools.autoscale import Scaling
from eval.pools.bills import Bills
from eval.pools.events import LOOK, POLL, SCALE, WAITING, events
from eval.pools.plant import Plant
from eval.pools.routers import Router, View, Way
from eval.pools.run import Run, Setting
from eval.pools.traffic import Traffic
from eval.pools.waits import Waits
from router.cost.pools.engines import Reading
from router.cost.warmth import PromptCaches
from router.deferred.choice import asked_later, by_deadline, taken_by
from router.deferred.ways import Deadline, Schedule
from router.errors import CatalogError
from router.policy import choose
from router.types import Estimate, IneligibleReason

_NOT_FOR_ALL = (IneligibleReason.DEFERRABLE_ONLY,)
_NOT_OFFERED = (IneligibleReason.POOL_UNAVAILABLE,)


def simulate(way: Way, traffic: Traffic, setting: Setting, seed: int) -> Run:
    """Run one way to price the pool over traffic.

    Args:
        way: How the pool is priced.
        traffic: What comes; its tiers are the market's.
        setting: Who may serve, and how the pool is seen.
        seed: Of when each router reads, where its even numbers begin, and what caches lose.
    """
    rng = np.random.default_rng([seed, 1])
    simulation = _Simulation(way, traffic, setting, rng.random(setting.routers), seed)
    for now, what, which in events(rng.random(setting.routers), setting, traffic):
        simulation.advance(now)
        if what == LOOK:
            simulation.look()
        elif what == POLL:
            simulation.poll(which)
        elif what == SCALE:
            simulation.scale()
        elif what == WAITING:
            simulation.waits.look()
        else:
            simulation.request(what, which)
    return simulation.end()


class _Simulation:
    """The state of one run."""

    def __init__(
        self, way: Way, traffic: Traffic, setting: Setting, starts: FloatArray, seed: int
    ) -> None:
        self._traffic, self._setting, self._market = traffic, setting, setting.market
        pool = setting.pool
        self._plant = plant = Plant(setting.spec)
        self._scaling: Scaling | None = None
        if setting.autoscaler is not None:
            self._scaling = Scaling(
                setting.autoscaler, pool.throughput.concurrency, setting.spec.replicas
            )
            plant.resize(self._scaling.running)
        self._routers = [
            way.make(View(setting.market, pool, start, plant)) for start in starts.tolist()
        ]
        self._caches = [
            PromptCaches(setting.market.deployments, clock=lambda: plant.now) for _ in starts
        ]
        self._bills = Bills(setting.true_hit_rate, seed)
        self.waits = Waits(plant, pool, self._market.list_price, seed)
        self._deadlines, self._is_spot = traffic.deadlines, pool.purchase == "spot"
        self._late: list[tuple[float, Router, Reading, int]] = []
        self._paid_s, self._since = 0.0, 0.0
        self._looks: list[tuple[float, ...]] = []
        self._lately = [0, 0]
        self._on_pool, self._api_tokens, self._adequacy, self._quality = 0, 0.0, 0.0, 0.0
        self._tier_of = {
            item.id: tier
            for item, tier in zip(self._market.deployments, self._market.tiers, strict=True)
        }
        self._inputs = traffic.input_tokens.tolist()
        self._outputs, self._adequacies = traffic.output_tokens.tolist(), traffic.adequacy.tolist()
        self._expected = traffic.expected_output.tolist()
        self._allowed = None if traffic.allowed is None else traffic.allowed.tolist()
        self._sessions = None if traffic.session is None else traffic.session.tolist()
        self._qualities = None if traffic.quality is None else traffic.quality.tolist()

    def advance(self, now: float) -> None:
        self._plant.advance(now)
        while self._late and self._late[0][0] <= now:
            _, router, reading, replicas = self._late.pop(0)
            router.read(reading, replicas, now)

    def look(self) -> None:
        plant = self._plant
        places = plant.replicas * self._setting.pool.throughput.concurrency
        all_sent, on_pool = self._lately
        self._looks.append(
            (
                plant.now,
                plant.occupancy / places,
                on_pool / all_sent if all_sent else np.nan,
                plant.reading().waiting,
                plant.replicas,
                self.waits.in_line,
            )
        )
        self._lately = [0, 0]

    def poll(self, which: int) -> None:
        plant = self._plant
        at = plant.now + self._setting.late_s
        self._late.append((at, self._routers[which], plant.reading(), plant.replicas))

    def scale(self) -> None:
        assert self._scaling is not None  # noqa: S101  # there are no such events without one
        self._pay()
        self._scaling.look(self._plant.now, self._plant.occupancy)
        if self._scaling.running != self._plant.replicas:
            self._plant.resize(self._scaling.running)

    def request(self, one: int, which: int) -> None:
        market, router, now = self._market, self._routers[which], self._plant.now
        tokens_in, tiers = self._inputs[one], self._adequacies[one]
        session = -1 if self._sessions is None else self._sessions[one]
        caches = self._caches[which] if session >= 0 and self._caches[which] else None
        estimates = market.estimates(
            tokens_in,
            self._expected[one],
            tiers,
            None if self._allowed is None else self._allowed[one],
            caches,
            str(session),
        )
        own = market.own_at
        deadline = None if self._deadlines is None else self._deadlines[one]
        cost = router.cost(estimates, now, deadline)
        estimates[own] = estimates[own]._replace(expected_cost_usd=cost)
        chosen, schedule = self._choose(estimates, deadline)
        offer = taken_by(schedule, estimates, chosen)
        waits = asked_later(schedule, estimates, chosen)
        if not waits:
            router.took(chosen)
        item, tier = chosen.deployment, self._tier_of[chosen.deployment.id]
        self._adequacy += tiers[tier]
        self._quality += np.nan if self._qualities is None else self._qualities[one][tier]
        self._lately[0] += 1
        tokens_out = self._outputs[one][tier]
        self._on_pool += bool(item.pool)
        if offer is not None and deadline is not None:
            if waits:
                self.waits.later(item, offer, deadline, tokens_in, tokens_out)
                return
            self.waits.at_once(item, deadline)
        if item.pool:
            self._lately[1] += 1
            by = inf if schedule is None else now + schedule.deadline.needed_within_seconds
            self._plant.submit(tokens_in, tokens_out, by)
            return
        self._api_tokens += tokens_in
        read = self._bills.charge(item, session, now, tokens_in, tokens_out)
        if caches is not None:
            if chosen.cache_use is not None and chosen.cache_use.warm_tokens:
                caches.report(item.id, chosen.cache_use.warm_tokens, read)
            caches.used(str(session), item.id, tokens_in)

    def _choose(
        self, estimates: list[Estimate], deadline: Deadline | None
    ) -> tuple[Estimate, Schedule | None]:
        """Return the choice, in the engine's order: hard constraints, the deadline, the goal."""
        market = self._market
        own = estimates[market.own_at]
        if deadline is not None:
            usd = own.expected_cost_usd
            with_pool = list(estimates)
            if usd == inf:
                with_pool[market.own_at] = own._replace(ineligible=_NOT_OFFERED)
            made, schedule = by_deadline(with_pool, deadline, None)
            eligible = [one for one in made if not one.ineligible]
            if eligible:
                return choose(eligible, market.goal)[0], schedule
            self.waits.no_way()
        if self._is_spot:
            estimates = list(estimates)
            estimates[market.own_at] = own._replace(ineligible=_NOT_FOR_ALL)
        eligible = [one for one in estimates if not one.ineligible]
        if not eligible:
            raise CatalogError(
                "a request without a deadline may go to nobody but the spot pool, which takes only "
                "what can wait: leave it out of the log, or give the catalog another deployment"
            )
        return choose(eligible, market.goal)[0], None

    def end(self) -> Run:
        setting, plant, n = self._setting, self._plant, len(self._inputs)
        self.advance(self._traffic.seconds)
        self._pay()
        hours = self._paid_s / 3600.0
        rate = setting.pool.throughput.decode_tokens_per_s
        delays = np.zeros(n)
        began = [*plant.delays, *plant.still_waiting()]
        delays[: len(began)] = began
        at, filled, sent, waiting, replicas, in_line = np.array(self._looks).reshape(-1, 6).T
        waited = self.waits.end()
        fixed = setting.spec.fixed_usd_per_hour * self._traffic.seconds / 3600.0
        return Run(
            api_usd=self._bills.usd + sum(waited.usd),
            gpu_usd=hours * setting.spec.gpu_usd_per_hour + fixed,
            gpu_hours=hours,
            utilisation=plant.served / (rate * self._paid_s),
            pool_share=self._on_pool / n,
            p95_delay_s=float(np.quantile(delays, 0.95)),
            p99_delay_s=float(np.quantile(delays, 0.99)),
            adequacy=self._adequacy / n,
            quality=self._quality / n,
            cache_read_share=self._bills.read_tokens / max(self._api_tokens, 1.0),
            ordered=0 if self._scaling is None else self._scaling.ordered,
            waited=waited,
            at=at,
            filled=filled,
            sent=sent,
            waiting=waiting,
            replicas=replicas,
            in_line=in_line,
        )

    def _pay(self) -> None:
        """Count replicas paid since the last time."""
        paid = self._plant.replicas if self._scaling is None else self._scaling.paid
        self._paid_s += paid * (self._plant.now - self._since)
        self._since = self._plant.now
