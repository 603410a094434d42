"""The records of a pool, as the catalog states them. What they cost is ``average``."""

from dataclasses import dataclass
from typing import Literal

Purchase = Literal["on-demand", "reserved", "spot"]
Engine = Literal["vllm", "sglang", "tgi", "trtllm-serve", "triton", "ray-serve"]
PURCHASES: tuple[Purchase, ...] = ("on-demand", "reserved", "spot")
HOURS_PER_MONTH = 8760 / 12


@dataclass(frozen=True, slots=True)
class Throughput:
    """What one replica serves at load, in tokens per second, each > 0.

    A request of i input and o output tokens takes i / prefill + o / decode replica-seconds, so that
    long inputs lower the output rate as they do in measurements.

    Attributes:
        prefill_tokens_per_s: Input tokens, were there no output.
        decode_tokens_per_s: Output tokens, were there no input.
        concurrency: Requests under way at once on one replica at this load.
    """

    prefill_tokens_per_s: float
    decode_tokens_per_s: float
    concurrency: int


@dataclass(frozen=True, slots=True)
class ColdStart:
    """How a pool that is scaled to zero comes back.

    Attributes:
        seconds: From the first request to the first token of one replica.
        hold_seconds: Least time a replica is kept, and paid, once it runs.
        wait_usd_per_hour: What an hour of a caller's waiting is worth; 0 leaves waiting out.
    """

    seconds: float
    hold_seconds: float = 600.0
    wait_usd_per_hour: float = 0.0


@dataclass(frozen=True, slots=True)
class LoadSource:
    """Where the load of a pool is read, and how it is judged.

    The defaults of ``waiting_limit`` and ``kv_limit`` are those of llm-d's saturation detector.

    Attributes:
        engine: Whose metric names are looked for.
        urls: Prometheus endpoints, http or https; together they show the whole pool.
        prefix: Stands before every metric name, such as "ray_" or "kserve_".
        labels: Only series with these labels count, such as ("model_name", "llama").
        kv_tokens: Tokens the KV cache of one replica holds; only TGI, which does not tell.
        interval_s: Time between readings.
        timeout_s: Longest time one reading may take as a whole.
        late_s: How old a reading is when it comes, where a collector stands between.
        longest_pause_s: Time between readings at most, while they fail.
        stale_after_s: Age at which a reading says nothing any more.
        saturation_when_unknown: Taken for a reading that is stale or missing, >= 0.
        waiting_limit: Waiting requests of one replica at which it counts as full.
        kv_limit: Share of its KV cache at which it counts as full, in (0, 1].
        idle_below: Saturation up to which a place costs nothing, in [0, 1).
        spread: Share of the way from idle to full over which work flows off, in (0, 1].
    """

    engine: Engine
    urls: tuple[str, ...]
    prefix: str = ""
    labels: tuple[tuple[str, str], ...] = ()
    kv_tokens: int | None = None
    interval_s: float = 5.0
    timeout_s: float = 2.0
    late_s: float = 0.0
    longest_pause_s: float = 60.0
    stale_after_s: float = 20.0
    saturation_when_unknown: float = 1.0
    waiting_limit: float = 5.0
    kv_limit: float = 0.8
    idle_below: float = 0.5
    spread: float = 0.2


@dataclass(frozen=True, slots=True)
class Pool:
    """GPUs that serve one model in equal replicas.

    Attributes:
        name: Unique in the catalog; deployments name it.
        replicas: Number of replicas.
        gpus_per_replica: GPUs of one replica.
        usd_per_gpu_hour: Before the discount.
        throughput: Of one replica.
        purchase: How the GPUs are paid.
        discount: Share off for a commitment or for spot, in [0, 1).
        host_usd_per_hour: Hosts, network and storage of the whole pool.
        operations_usd_per_month: People and tools that run it.
        energy_usd_per_gpu_hour: What a busy GPU costs beside an idle one: the least price of work.
        planned_utilisation: Share of its throughput it is planned to serve, in (0, 1].
        quantisation: Of the weights; only shown. Another quantisation is another deployment.
        draining: It finishes what it has and takes no more.
        cold_start: Set for a pool that is scaled to zero when idle.
        load: Where its load is read; None prices it at its average cost.
    """

    name: str
    replicas: int
    gpus_per_replica: int
    usd_per_gpu_hour: float
    throughput: Throughput
    purchase: Purchase = "on-demand"
    discount: float = 0.0
    host_usd_per_hour: float = 0.0
    operations_usd_per_month: float = 0.0
    energy_usd_per_gpu_hour: float = 0.0
    planned_utilisation: float = 0.6
    quantisation: str = ""
    draining: bool = False
    cold_start: ColdStart | None = None
    load: LoadSource | None = None
