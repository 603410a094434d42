"""What engines tell of their load, in the words of each, and what is refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from metrics_server import VLLM

from router.cost.pools.engines import Reading, read_gpus, read_load
from router.cost.pools.exposition import ExpositionError, values
from router.cost.pools.pool import LoadSource

SGLANG = """\
sglang:num_queue_reqs{model_name="m"} 2.0
sglang:num_running_reqs{model_name="m"} 9.0
sglang:token_usage{model_name="m"} 0.5
sglang:cache_hit_rate{model_name="m"} NaN
"""
TGI = "tgi_queue_size 4\ntgi_batch_current_size 11\ntgi_batch_current_max_tokens 20000\n"
TRTLLM = """\
trtllm_num_requests_waiting{engine_type="undefined",model_name="m"} 1.0
trtllm_num_requests_running{engine_type="undefined",model_name="m"} 8.0
trtllm_kv_cache_utilization{engine_type="undefined",model_name="m"} 0.125
"""
TRITON = """\
# TYPE nv_trt_llm_request_metrics gauge
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="waiting",version="1"} 1
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="context",version="1"} 5
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="scheduled",version="1"} 7
nv_trt_llm_request_metrics{model="tensorrt_llm",request_type="max",version="1"} 512
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="max",model="tensorrt_llm"} 1200
nv_trt_llm_kv_cache_block_metrics{kv_cache_block_type="fraction",model="tensorrt_llm"} 0.75
"""
RAY_VLLM = """\
ray_vllm:num_requests_waiting{WorkerId="a",model_name="m"} 1.0
ray_vllm:num_requests_waiting{WorkerId="b",model_name="m"} 2.0
ray_vllm:num_requests_running{WorkerId="a",model_name="m"} 4.0
ray_vllm:num_requests_running{WorkerId="b",model_name="m"} 5.0
ray_vllm:kv_cache_usage_perc{WorkerId="a",model_name="m"} 0.2
ray_vllm:kv_cache_usage_perc{WorkerId="b",model_name="m"} 0.4
"""
RAY_SERVE = """\
ray_serve_deployment_queued_queries{application="app",deployment="llm"} 6.0
ray_serve_num_ongoing_requests_at_replicas{deployment="llm",replica="1"} 2.0
ray_serve_num_ongoing_requests_at_replicas{deployment="llm",replica="2"} 3.0
"""
OLD_VLLM = VLLM.replace("kv_cache_usage_perc", "gpu_cache_usage_perc")


def source(engine: str = "vllm", **changes: object) -> LoadSource:
    return LoadSource(engine=engine, urls=("http://a/metrics",), **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("engine", "text", "expected"),
    [
        ("vllm", VLLM, Reading(3, 17, 0.25)),
        ("vllm", OLD_VLLM, Reading(3, 17, 0.25)),
        ("vllm", VLLM.replace("vllm:", "vllm_"), Reading(3, 17, 0.25)),
        ("sglang", SGLANG, Reading(2, 9, 0.5)),
        ("tgi", TGI, Reading(4, 11, None)),
        ("trtllm-serve", TRTLLM, Reading(1, 8, 0.125)),
        ("triton", TRITON, Reading(1, 7, 0.75)),
        ("ray-serve", RAY_VLLM, Reading(3, 9, pytest.approx(0.3))),
        ("ray-serve", RAY_VLLM.replace("vllm:", "vllm_"), Reading(3, 9, pytest.approx(0.3))),
        ("ray-serve", RAY_SERVE, Reading(6, 5, None)),
    ],
)
def test_every_engine_is_read_in_its_own_words(engine: str, text: str, expected: Reading) -> None:
    assert read_load(text.encode(), source(engine)) == expected


def test_a_collectors_prefix_is_put_before_every_name() -> None:
    renamed = VLLM.replace("vllm:", "kserve_vllm:")
    assert read_load(renamed.encode(), source(prefix="kserve_")).waiting == 3


def test_tgi_tells_its_share_once_it_is_known_what_its_cache_holds() -> None:
    assert read_load(TGI.encode(), source("tgi", kv_tokens=80_000)).kv == 0.25
    assert read_load(TGI.encode(), source("tgi", kv_tokens=10_000)).kv == 1.0


def test_only_series_with_the_wanted_labels_count() -> None:
    other = 'vllm:num_requests_waiting{engine="0",model_name="other"} 40.0\n'
    both = (VLLM + other).encode()
    assert read_load(both, source()).waiting == 43
    assert read_load(both, source(labels=(("model_name", "llama"),))).waiting == 3


def test_labels_with_braces_quotes_and_commas_are_read() -> None:
    text = b'm{a="x}, \\"y\\"",b="1\\\\",} 5 1700000000000\nm{a="z"} 7 # {trace="1"} 0.5\r\n'
    assert values(text, "m", (("a", 'x}, "y"'), ("b", "1\\"))) == [5]
    assert values(text, "m") == [5, 7]


def test_names_that_only_begin_or_end_alike_are_others() -> None:
    text = b'm_total 1\nthe_m 2\n# m 3\nm 4\nm_bucket{le="1"} 5\n'
    assert values(text, "m") == [4]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no metric vllm:num_requests_waiting with labels {} in 0 bytes; is this the metrics"),
        ("<html>hello</html>", "no metric vllm:num_requests_waiting"),
        ("vllm:num_requests_waiting NaN\n", "vllm:num_requests_waiting is NaN, which is no load"),
        ("vllm:num_requests_waiting -1\n", "is -1, which is no load"),
        ("vllm:num_requests_waiting +Inf\n", "is +Inf, which is no load"),
        ("vllm:num_requests_waiting \n", "is no Prometheus text"),
        ("vllm:num_requests_waiting many\n", "is no Prometheus text"),
        ('vllm:num_requests_waiting{engine="0 3\n', "is no Prometheus text"),
        (VLLM.replace("0.25", "25"), "vllm:kv_cache_usage_perc is 25, which is no share of 1"),
    ],
)
def test_what_makes_no_sense_is_no_reading_and_says_why(text: str, message: str) -> None:
    with pytest.raises(ExpositionError) as caught:
        read_load(text.encode(), source())
    assert message in caught.value.message


@given(st.binary(max_size=300), st.sampled_from([b"", VLLM.encode()]))
def test_no_garbage_raises_anything_but_the_one_error(garbage: bytes, before: bytes) -> None:
    try:
        reading = read_load(before + b"vllm:num_requests_waiting" + garbage, source())
    except ExpositionError:
        return
    assert reading.waiting >= 0


def test_a_series_that_stands_there_twice_counts_once() -> None:
    renamed = VLLM.replace("vllm:", "vllm_")  # a collector that tells both spellings
    once = read_load(VLLM.encode(), source())
    assert read_load((VLLM + renamed).encode(), source()) == once
    assert read_load((VLLM + VLLM).encode(), source()) == once


def test_no_reading_is_so_large_that_what_is_learnt_of_the_flow_would_not_forget_it() -> None:
    text = 'vllm:num_requests_waiting{engine="0"} 1e308\n'
    with pytest.raises(ExpositionError, match="1e308, which is no load"):
        read_load((text + text.replace('"0"', '"1"')).encode(), source())


def test_dcgm_tells_means_over_gpus_and_leaves_out_what_it_lacks() -> None:
    text = (
        b'DCGM_FI_DEV_POWER_USAGE{gpu="0",UUID="GPU-1"} 600\n'
        b'DCGM_FI_DEV_POWER_USAGE{gpu="1",UUID="GPU-2"} 400\n'
        b'DCGM_FI_PROF_DRAM_ACTIVE{gpu="0"} 0.5\n'
    )
    assert read_gpus(text) == {"power_watts": 500, "dram_active": 0.5}
