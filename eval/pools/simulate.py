"""One run: traffic through routers onto a pool and APIs, event by event in virtual time."""

from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray
from eval.pools.plant import Plant, PlantSpec
from eval.pools.routers import DEPLOYMENTS, POOL_AT, Router, Way
from eval.pools.traffic import KINDS, Traffic
from router.cost.estimate import expected_cost_usd
from router.cost.pools.engines import Reading
from router.cost.pools.pool import Pool
from router.policy import choose
from router.types import Estimate, Goal, IneligibleReason

_ADEQUATE = Goal(quality_target=0.5)
_LOOK_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class Setting:
    """How the routers see the pool.

    Attributes:
        pool: As stated.
        spec: As it is.
        routers: Processes that share the traffic and know nothing of each other.
        interval_s: Time between a router's readings; they do not read in step.
        late_s: How old a reading is when it comes.
    """

    pool: Pool
    spec: PlantSpec
    routers: int = 8
    interval_s: float = 30.0
    late_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one run.

    Attributes:
        api_usd: Bill of the APIs, on true lengths.
        gpu_usd: What the pool cost, busy or not.
        utilisation: Work served over work that could be, at the stated throughput.
        pool_share: Share of requests that went to the pool.
        p95_delay_s: 95th percentile of the time requests waited for a place, those on APIs at 0.
        p99_delay_s: 99th.
        at: (looks,) when the pool was looked at, in seconds.
        filled: (looks,) requests in the pool then, over the places of the stated concurrency.
        sent: (looks,) share of the requests since the last look that went to the pool.
    """

    api_usd: float
    gpu_usd: float
    utilisation: float
    pool_share: float
    p95_delay_s: float
    p99_delay_s: float
    at: FloatArray
    filled: FloatArray
    sent: FloatArray

    @property
    def total_usd(self) -> float:
        """APIs and GPUs."""
        return self.api_usd + self.gpu_usd


def simulate(way: Way, traffic: Traffic, setting: Setting, seed: int) -> Run:
    """Run one way to price the pool over traffic.

    Args:
        way: How the pool is priced.
        traffic: What comes.
        setting: How the pool is seen.
        seed: Of when each router reads and where its even numbers begin.
    """
    rng = np.random.default_rng([seed, 1])
    plant = Plant(setting.spec)
    routers = [way.make(setting.pool, float(start), plant) for start in rng.random(setting.routers)]
    polls = _polls(rng.random(setting.routers), setting, traffic.seconds)
    looks = np.arange(_LOOK_EVERY_S, traffic.seconds, _LOOK_EVERY_S)
    places = setting.pool.replicas * setting.pool.throughput.concurrency
    filled, sent, counts = [], [], [0, 0]
    late: list[tuple[float, Router, Reading]] = []
    api_usd, on_pool = 0.0, 0
    # Looks, readings asked for and requests, in the order of time.
    times = np.concatenate([looks, polls[:, 0], traffic.at])
    what = np.concatenate(
        [np.full(looks.size, -2), np.full(len(polls), -1), np.arange(traffic.at.size)]
    )
    which = np.concatenate([np.zeros(looks.size), polls[:, 1], traffic.router]).astype(int)
    order = np.argsort(times, kind="stable")
    rows = list(
        zip(times[order].tolist(), what[order].tolist(), which[order].tolist(), strict=True)
    )
    inputs, outputs = traffic.input_tokens.tolist(), traffic.output_tokens.tolist()
    expected, kinds = traffic.expected_output.tolist(), traffic.kind.tolist()
    for now, one, place in rows:
        plant.advance(now)
        while late and late[0][0] <= now:
            _, router, reading = late.pop(0)
            router.read(reading, now)
        if one == -2:
            filled.append(plant.occupancy / places)
            sent.append(counts[1] / counts[0] if counts[0] else np.nan)
            counts = [0, 0]
            continue
        router = routers[place]
        if one == -1:
            late.append((now + setting.late_s, router, plant.reading()))
            continue
        tokens_in, tokens_out = inputs[one], outputs[one]
        estimates = _estimates(kinds[one], tokens_in, expected[one])
        cost = router.cost(estimates, now)
        own = estimates[POOL_AT]._replace(expected_cost_usd=cost)
        chosen, _ = choose([e for e in (*estimates[:POOL_AT], own) if not e.ineligible], _ADEQUATE)
        router.took(chosen)
        counts[0] += 1
        if chosen.deployment.pool:
            counts[1] += 1
            on_pool += 1
            plant.submit(tokens_in, tokens_out)
        else:
            price = chosen.deployment.price
            assert price is not None  # noqa: S101  # APIs of the study have prices
            api_usd += expected_cost_usd(price, tokens_in, tokens_out)
    plant.advance(traffic.seconds)
    work_per_s = setting.pool.replicas * setting.pool.throughput.decode_tokens_per_s
    served = plant.served / (work_per_s * traffic.seconds)
    delays = np.zeros(traffic.at.size)
    waited = [*plant.delays, *plant.still_waiting()]
    delays[: len(waited)] = waited
    return Run(
        api_usd=api_usd,
        gpu_usd=setting.spec.replicas * setting.spec.gpu_usd_per_hour * traffic.seconds / 3600.0,
        utilisation=served,
        pool_share=on_pool / traffic.at.size,
        p95_delay_s=float(np.quantile(delays, 0.95)),
        p99_delay_s=float(np.quantile(delays, 0.99)),
        at=looks,
        filled=np.array(filled),
        sent=np.array(sent),
    )


def _polls(phases: FloatArray, setting: Setting, seconds: float) -> FloatArray:
    """Return (n, 2) rows of when and which router reads."""
    rows = [
        (at, router)
        for router, phase in enumerate(phases.tolist())
        for at in np.arange(phase * setting.interval_s, seconds, setting.interval_s).tolist()
    ]
    return np.array(sorted(rows))


def _estimates(kind: int, input_tokens: int, output_tokens: float) -> list[Estimate]:
    """Return the candidates of a request; a small API that is not adequate is none."""
    result = []
    for item in DEPLOYMENTS:
        price = item.price
        assert price is not None  # noqa: S101  # every deployment of the study has a price
        hard = item.tier == "small" and not KINDS[kind].is_easy
        result.append(
            Estimate(
                item,
                1.0,
                expected_cost_usd(price, input_tokens, output_tokens),
                input_tokens,
                output_tokens,
                (IneligibleReason.TIER_NOT_ALLOWED,) if hard else (),
            )
        )
    return result
