"""Bad pools in a catalog: rows of the table of bad inputs."""

import copy
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bad_inputs import BadFile
from bad_settings import CATALOG

from router.catalog import parse_catalog
from router.errors import CatalogError

POOL: dict[str, Any] = {
    "name": "ours",
    "replicas": 2,
    "gpus_per_replica": 2,
    "usd_per_gpu_hour": 2.95,
    "throughput": {
        "prefill_tokens_per_s": 7000.0, "decode_tokens_per_s": 12000.0, "concurrency": 64,
    },
    "load": {"engine": "vllm", "urls": ["http://10.0.0.5:8000/metrics"]},
}  # fmt: skip


def with_pool(
    *path: str, deployment: Mapping[str, Any] | None = None, pools: int = 1, **changes: Any
) -> Callable[[Path], object]:
    """Parse the test catalog with a good pool after changes to one of its tables."""

    def parse(_: Path) -> object:
        content = tomllib.loads(CATALOG.read_text(encoding="utf-8"))
        pool = copy.deepcopy(POOL)
        table = pool
        for key in path:
            table = table[key]
        for key, value in changes.items():
            table[key] = value
            if value is None:
                del table[key]
        content["pools"] = [pool] * pools
        content["deployments"][0].update({"pool": "ours"})
        content["deployments"][1].update(deployment or {})
        return parse_catalog(content, "catalog.toml")

    return parse


def bad(given: str, make: Callable[[Path], object], message: str) -> BadFile:
    return BadFile(given, make, CatalogError, "CATALOG_INVALID", f"catalog.toml: {message}")


_RULE = "two or more mixes of input and output are needed, the output rate falling with input"
POOLS = [
    bad(
        "a pool with a misspelt key",
        with_pool(gpu=2),
        "pools[0].gpu = 2: unknown key; known keys: ['cold_start', 'discount', 'draining', "
        "'energy_usd_per_gpu_hour', 'gpus_per_replica', 'host_usd_per_hour', 'load', 'name', "
        "'operations_usd_per_month', 'planned_utilisation', 'purchase', 'quantisation', "
        "'replicas', 'throughput', 'usd_per_gpu_hour']",
    ),
    bad(
        "a pool without a price",
        with_pool(usd_per_gpu_hour=None),
        "pools[0].usd_per_gpu_hour = None: missing; it must be given",
    ),
    bad(
        "two pools of one name",
        with_pool(pools=2),
        "pools[1].name = 'ours': used twice; must be unique",
    ),
    bad(
        "a pool paid in another way",
        with_pool(purchase="leased"),
        "pools[0].purchase = 'leased': must be one of ['on-demand', 'reserved', 'spot']",
    ),
    bad(
        "a discount in percent",
        with_pool(discount=40),
        "pools[0].discount = 40: must be a finite number >= 0.0 and < 1.0",
    ),
    bad(
        "a throughput of nothing",
        with_pool("throughput", decode_tokens_per_s=0),
        "pools[0].throughput.decode_tokens_per_s = 0: must be a finite number > 0.0",
    ),
    bad(
        "a throughput both stated and measured",
        with_pool("throughput", measured=[]),
        "pools[0].throughput.decode_tokens_per_s = 12000.0: give rates or measured, not both",
    ),
    bad(
        "a throughput measured at one mix only",
        with_pool(
            throughput={
                "concurrency": 64,
                "measured": [
                    {"input_tokens": 1000, "output_tokens": 1000, "output_tokens_per_s": 4418}
                ],
            }
        ),
        f"pools[0].throughput.measured = 1: {_RULE}",
    ),
    bad(
        "an engine that is not known",
        with_pool("load", engine="llama.cpp"),
        "pools[0].load.engine = 'llama.cpp': must be one of ['ray-serve', 'sglang', 'tgi', "
        "'triton', 'trtllm-serve', 'vllm']",
    ),
    bad(
        "no address to read load from",
        with_pool("load", urls=[]),
        "pools[0].load.urls = []: must be a list of one or more http or https addresses",
    ),
    bad(
        "an address that is none",
        with_pool("load", urls=["10.0.0.5:8000"]),
        "pools[0].load.urls[0] = '10.0.0.5:8000': must be like http://10.0.0.5:8000/metrics, "
        "without a user",
    ),
    bad(
        "an address twice",
        with_pool("load", urls=["http://a/metrics"] * 2),
        "pools[0].load.urls = ['http://a/metrics', 'http://a/metrics']: an address stands twice; "
        "its load would count twice",
    ),
    bad(
        "readings that would all be stale",
        with_pool("load", interval_s=30.0),
        "pools[0].load.stale_after_s = 20.0: must be above interval_s + timeout_s + late_s, 32, or "
        "every reading would be stale",
    ),
    bad(
        "a deployment on a pool that is not there",
        with_pool(name="theirs"),
        "deployments[0].pool = 'ours': must name one of the pools ['theirs']",
    ),
    bad(
        "an API on a pool",
        with_pool(deployment={"pool": "ours"}),
        "deployments[1].pool = 'ours': only a deployment of kind 'gpu' runs on a pool",
    ),
]
