"""The records of a simulated run: what it is given beside the traffic, and what came of it."""

from dataclasses import dataclass

from eval.arrays import FloatArray
from eval.pools.autoscale import Autoscaler
from eval.pools.market import STUDIED, Market
from eval.pools.plant import PlantSpec
from eval.pools.waits import Waited
from router.cost.pools.pool import Pool


@dataclass(frozen=True, slots=True)
class Setting:
    """Who may serve, and how the routers see the pool.

    Attributes:
        pool: As stated.
        spec: As it is.
        routers: Processes that share the traffic and know nothing of each other.
        interval_s: Time between a router's readings; they do not read in step.
        late_s: How old a reading is when it comes.
        market: Who may serve, the pool among them.
        autoscaler: Of the pool; None leaves its replicas as they are.
        true_hit_rate: Share of kept prompts that providers' caches still hold.
        margin_s: Of every deadline, as the catalog states it.
    """

    pool: Pool
    spec: PlantSpec
    routers: int = 8
    interval_s: float = 30.0
    late_s: float = 0.0
    market: Market = STUDIED
    autoscaler: Autoscaler | None = None
    true_hit_rate: float = 0.9
    margin_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Run:
    """What came of one run.

    Attributes:
        api_usd: Bill of the APIs, on true lengths and what their caches really held.
        gpu_usd: What the pool cost, busy or not.
        gpu_hours: Of one replica each, paid; a replica that starts is paid.
        utilisation: Work served over work that the paid replicas could, at the stated throughput.
        pool_share: Share of requests that went to the pool.
        p95_delay_s: 95th percentile of the time requests waited for a place, those on APIs at 0.
        p99_delay_s: 99th.
        adequacy: Mean of the choices, as predicted.
        quality: Mean of the answers, where it is known of all; else NaN.
        cache_read_share: Share of the APIs' input tokens that was read from their caches.
        ordered: Replicas the autoscaler ordered.
        waited: What became of the requests with a deadline.
        at: (looks,) when the pool was looked at, in seconds.
        filled: (looks,) requests in the pool then, over the places of the stated concurrency.
        sent: (looks,) share of the requests since the last look that went to the pool.
        waiting: (looks,) requests that waited for a place.
        replicas: (looks,) that served.
        in_line: (looks,) requests that waited for idle hours of the pool.
    """

    api_usd: float
    gpu_usd: float
    gpu_hours: float
    utilisation: float
    pool_share: float
    p95_delay_s: float
    p99_delay_s: float
    adequacy: float
    quality: float
    cache_read_share: float
    ordered: int
    waited: Waited
    at: FloatArray
    filled: FloatArray
    sent: FloatArray
    waiting: FloatArray
    replicas: FloatArray
    in_line: FloatArray

    @property
    def total_usd(self) -> float:
        """APIs and GPUs."""
        return self.api_usd + self.gpu_usd
