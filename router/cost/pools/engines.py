"""Which metrics of which engine tell its load, and one endpoint's text to a reading.

Names as of 2026: vLLM, SGLang, Text Generation Inference, trtllm-serve, Triton with TensorRT-LLM,
Ray Serve (with vLLM inside, else its own), and NVIDIA's DCGM exporter.
"""

from typing import NamedTuple

from router.cost.pools.exposition import ExpositionError, Labels, values
from router.cost.pools.pool import LoadSource

Metric = tuple[str, Labels]


class Names(NamedTuple):
    """Metrics of an engine; of each, the first that is there counts. Empty: it has none.

    ``kv`` is a share, but for TGI, where it is tokens.
    """

    waiting: tuple[Metric, ...]
    running: tuple[Metric, ...]
    kv: tuple[Metric, ...]


class Reading(NamedTuple):
    """The load that one endpoint tells.

    Attributes:
        waiting: Requests that wait, summed over its series.
        running: Requests under way, summed; None if it does not tell.
        kv: Share of the KV cache in use, the mean of its series, in [0, 1]; None if not told.
    """

    waiting: float
    running: float | None
    kv: float | None


def _plain(*names: str) -> tuple[Metric, ...]:
    return tuple((name, ()) for name in names)


_VLLM_WAITING, _VLLM_RUNNING = "vllm:num_requests_waiting", "vllm:num_requests_running"
# The second is the name before vLLM 0.9.
_VLLM_KV = ("vllm:kv_cache_usage_perc", "vllm:gpu_cache_usage_perc")
_TRITON = "nv_trt_llm_request_metrics"
ENGINES: dict[str, Names] = {
    "vllm": Names(_plain(_VLLM_WAITING), _plain(_VLLM_RUNNING), _plain(*_VLLM_KV)),
    "sglang": Names(
        _plain("sglang:num_queue_reqs"),
        _plain("sglang:num_running_reqs"),
        _plain("sglang:token_usage"),
    ),
    "tgi": Names(
        _plain("tgi_queue_size"),
        _plain("tgi_batch_current_size"),
        _plain("tgi_batch_current_max_tokens"),
    ),
    "trtllm-serve": Names(
        _plain("trtllm_num_requests_waiting"),
        _plain("trtllm_num_requests_running"),
        _plain("trtllm_kv_cache_utilization"),
    ),
    "triton": Names(
        ((_TRITON, (("request_type", "waiting"),)),),
        ((_TRITON, (("request_type", "scheduled"),)),),
        (("nv_trt_llm_kv_cache_block_metrics", (("kv_cache_block_type", "fraction"),)),),
    ),
    "ray-serve": Names(
        _plain(f"ray_{_VLLM_WAITING}", "ray_serve_deployment_queued_queries"),
        _plain(
            f"ray_{_VLLM_RUNNING}",
            "ray_serve_num_ongoing_requests_at_replicas",
            "ray_serve_replica_processing_queries",
        ),
        _plain(*(f"ray_{name}" for name in _VLLM_KV)),
    ),
}
# Beside an engine's load, for reports; GPU_UTIL is a duty cycle and says nothing of room left.
DCGM_NAMES = {
    "power_watts": "DCGM_FI_DEV_POWER_USAGE",
    "dram_active": "DCGM_FI_PROF_DRAM_ACTIVE",
    "tensor_active": "DCGM_FI_PROF_PIPE_TENSOR_ACTIVE",
    "memory_used_mib": "DCGM_FI_DEV_FB_USED",
}


def read_load(text: bytes, source: LoadSource) -> Reading:
    """Return what an endpoint of an engine tells of its load.

    Raises:
        ExpositionError: the engine's queue is not told, or a metric of it makes no sense.
    """
    names = ENGINES[source.engine]
    waiting = _first(text, names.waiting, source)
    running = _first(text, names.running, source)
    kv = _first(text, names.kv, source)
    if not waiting:
        raise ExpositionError(
            f"no metric {source.prefix}{names.waiting[0][0]} with labels {dict(source.labels)} in "
            f"{len(text)} bytes; is this the metrics address of {source.engine}?"
        )
    share = sum(kv) / len(kv) if kv else None
    if source.engine == "tgi":
        share = None if share is None or source.kv_tokens is None else share / source.kv_tokens
    if share is not None and share > 1.0:
        # TGI counts what its batch may come to, so a little above is full; more is no share.
        if source.engine != "tgi":
            raise ExpositionError(f"{names.kv[0][0]} is {share:g}, which is no share of 1")
        share = 1.0
    return Reading(sum(waiting), sum(running) if running else None, share)


def read_gpus(text: bytes, labels: Labels = ()) -> dict[str, float]:
    """Return means over GPUs of what a DCGM exporter tells; metrics it lacks are left out.

    Raises:
        ExpositionError: a metric makes no sense.
    """
    found = {key: values(text, name, labels) for key, name in DCGM_NAMES.items()}
    return {key: sum(series) / len(series) for key, series in found.items() if series}


def _first(text: bytes, metrics: tuple[Metric, ...], source: LoadSource) -> list[float]:
    for name, labels in metrics:
        found = values(text, source.prefix + name, (*labels, *source.labels))
        if found:
            return found
    return []
