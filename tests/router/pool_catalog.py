"""The test catalog with a pool of GPUs in it, whose load is read at an address."""

from pathlib import Path

STATED = """
[[deployments]]
id = "own-haiku"
tier = "medium"
kind = "gpu"
provider = "own"
model = "haiku-like"
pool = "ours"
context_window_tokens = 200000
max_output_tokens = 4096

[[pools]]
name = "ours"
replicas = 1
gpus_per_replica = 2
usd_per_gpu_hour = 3.0
EXTRA

[pools.throughput]
prefill_tokens_per_s = 10000.0
decode_tokens_per_s = 1000.0
concurrency = 32

[pools.load]
engine = "vllm"
urls = ["URL"]
interval_s = 0.1
timeout_s = 0.5
longest_pause_s = 0.2
stale_after_s = STALE
"""


def catalog_with_pool(
    catalog: Path, place: Path, url: str, *, extra: str = "", stale_after_s: float = 30.0
) -> Path:
    """Write the catalog with the pool "ours" into a directory; return the file.

    ``extra`` are further lines of the pool.
    """
    path = place / "catalog-with-pool.toml"
    stated = STATED.replace("URL", url).replace("EXTRA", extra)
    stated = stated.replace("STALE", str(stale_after_s))
    path.write_text(catalog.read_text(encoding="utf-8") + stated, encoding="utf-8")
    return path
