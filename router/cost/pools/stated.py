"""``[[pools]]`` of a catalog: every key checked, errors name file and key."""

from typing import Any, cast
from urllib.parse import urlsplit

from router.checked import CheckedTable
from router.cost.pools.engines import ENGINES
from router.cost.pools.pool import (
    PURCHASES,
    ColdStart,
    Engine,
    LoadSource,
    Pool,
    Throughput,
)

POOL_KEYS = {
    "name", "replicas", "gpus_per_replica", "usd_per_gpu_hour", "purchase", "discount",
    "host_usd_per_hour", "operations_usd_per_month", "energy_usd_per_gpu_hour",
    "planned_utilisation", "quantisation", "draining", "throughput", "cold_start", "load",
}  # fmt: skip
RATE_KEYS = {"prefill_tokens_per_s", "decode_tokens_per_s"}
THROUGHPUT_KEYS = RATE_KEYS | {"concurrency", "measured"}
MEASURED_KEYS = {"input_tokens", "output_tokens", "output_tokens_per_s"}
COLD_START_KEYS = {"seconds", "hold_seconds", "wait_usd_per_hour"}
LOAD_KEYS = {
    "engine", "urls", "prefix", "labels", "kv_tokens", "interval_s", "timeout_s", "late_s",
    "longest_pause_s", "stale_after_s", "saturation_when_unknown", "waiting_limit", "kv_limit",
    "idle_below", "spread",
}  # fmt: skip
_MOST = 1_000_000
_MOST_LATE_S = 120.0  # as long as own work is remembered


def stated_pools(top: CheckedTable) -> tuple[Pool, ...]:
    """Return the pools of a catalog; none when it has no ``[[pools]]``.

    Args:
        top: The whole catalog.

    Raises:
        CatalogError: a key is unknown, missing, of a wrong type or out of range.
    """
    if "pools" not in top.content:
        return ()
    pools = tuple(_pool(table) for table in top.tables("pools", POOL_KEYS))
    top.refuse_repeated("pools", "name", [pool.name for pool in pools])
    return pools


def stated_pool_name(table: CheckedTable, kind: str, pools: tuple[Pool, ...]) -> str:
    """Return the pool a deployment names; empty when it names none.

    Args:
        table: The deployment.
        kind: Of the deployment.
        pools: Of the catalog.

    Raises:
        CatalogError: the pool is not there, or the deployment is none of kind gpu.
    """
    if "pool" not in table.content:
        return ""
    name = table.text("pool")
    names = [pool.name for pool in pools]
    if kind != "gpu":
        raise table.error("pool", name, "only a deployment of kind 'gpu' runs on a pool")
    if name not in names:
        raise table.error("pool", name, f"must name one of the pools {names}")
    return name


def _pool(table: CheckedTable) -> Pool:
    purchase = table.text("purchase") if "purchase" in table.content else "on-demand"
    if purchase not in PURCHASES:
        raise table.error("purchase", purchase, f"must be one of {list(PURCHASES)}")
    cold = table.table("cold_start", COLD_START_KEYS) if "cold_start" in table.content else None
    load = table.table("load", LOAD_KEYS) if "load" in table.content else None
    given: dict[str, Any] = {
        "discount": table.optional_number("discount", least=0.0, below=1.0),
        "host_usd_per_hour": table.optional_number("host_usd_per_hour", least=0.0),
        "operations_usd_per_month": table.optional_number("operations_usd_per_month", least=0.0),
        "energy_usd_per_gpu_hour": table.optional_number("energy_usd_per_gpu_hour", least=0.0),
        "planned_utilisation": table.optional_number("planned_utilisation", above=0.0, most=1.0),
        "quantisation": table.text("quantisation") if "quantisation" in table.content else None,
    }
    return Pool(
        name=table.text("name"),
        replicas=table.integer("replicas", 1, _MOST),
        gpus_per_replica=table.integer("gpus_per_replica", 1, _MOST),
        usd_per_gpu_hour=table.number("usd_per_gpu_hour", least=0.0),
        throughput=_throughput(table.table("throughput", THROUGHPUT_KEYS)),
        purchase=purchase,
        draining=table.flag("draining"),
        cold_start=None if cold is None else _cold_start(cold),
        load=None if load is None else _load(load),
        **_given(given),
    )


def _given(values: dict[str, Any]) -> dict[str, Any]:
    """Leave out what is not stated, so that the record's default applies."""
    return {key: value for key, value in values.items() if value is not None}


def _throughput(table: CheckedTable) -> Throughput:
    concurrency = table.integer("concurrency", 1, _MOST)
    if "measured" in table.content:
        for key in sorted(RATE_KEYS & table.content.keys()):
            raise table.error(key, table.content[key], "give rates or measured, not both")
        return Throughput(*_rates(table), concurrency)
    return Throughput(
        prefill_tokens_per_s=table.number("prefill_tokens_per_s", above=0.0),
        decode_tokens_per_s=table.number("decode_tokens_per_s", above=0.0),
        concurrency=concurrency,
    )


def _rates(table: CheckedTable) -> tuple[float, float]:
    """Return prefill and decode rates from output rates measured at two or more mixes.

    Least squares of y (d + r p) = 1 over the measurements, with y output tokens per second, r
    input tokens per output token, and seconds d per output and p per input token: exact for two.
    """
    rr = ry = yy = sr = sy = 0.0
    mixes = set()
    for one in table.tables("measured", MEASURED_KEYS):
        rate = one.number("output_tokens_per_s", above=0.0)
        ratio = one.number("input_tokens", least=0.0) / one.number("output_tokens", above=0.0)
        mixes.add(ratio)
        yr = rate * ratio
        rr, ry, yy = rr + yr * yr, ry + yr * rate, yy + rate * rate
        sr, sy = sr + yr, sy + rate
    rule = "two or more mixes of input and output are needed, the output rate falling with input"
    if len(mixes) < 2:
        raise table.error("measured", len(mixes), rule)
    size = yy * rr - ry * ry
    per_output, per_input = (sy * rr - sr * ry) / size, (sr * yy - sy * ry) / size
    if per_output <= 0.0 or per_input <= 0.0:
        raise table.error("measured", len(mixes), rule)
    return 1.0 / per_input, 1.0 / per_output


def _cold_start(table: CheckedTable) -> ColdStart:
    return ColdStart(
        seconds=table.number("seconds", above=0.0),
        **_given(
            {
                "hold_seconds": table.optional_number("hold_seconds", least=0.0),
                "wait_usd_per_hour": table.optional_number("wait_usd_per_hour", least=0.0),
            }
        ),
    )


def _load(table: CheckedTable) -> LoadSource:
    engine = table.text("engine")
    if engine not in ENGINES:
        raise table.error("engine", engine, f"must be one of {sorted(ENGINES)}")
    source = LoadSource(
        engine=cast("Engine", engine),
        urls=_urls(table),
        labels=_labels(table),
        **_given(
            {
                "prefix": table.text("prefix") if "prefix" in table.content else None,
                "kv_tokens": table.integer("kv_tokens", 1, 10**12)
                if "kv_tokens" in table.content
                else None,
                "interval_s": table.optional_number("interval_s", least=0.1),
                "timeout_s": table.optional_number("timeout_s", above=0.0),
                "late_s": table.optional_number("late_s", least=0.0, most=_MOST_LATE_S),
                "longest_pause_s": table.optional_number("longest_pause_s", above=0.0),
                "stale_after_s": table.optional_number("stale_after_s", above=0.0),
                "saturation_when_unknown": table.optional_number(
                    "saturation_when_unknown", least=0.0
                ),
                "waiting_limit": table.optional_number("waiting_limit", above=0.0),
                "kv_limit": table.optional_number("kv_limit", above=0.0, most=1.0),
                "idle_below": table.optional_number("idle_below", least=0.0, below=1.0),
                "spread": table.optional_number("spread", above=0.0, most=1.0),
            }
        ),
    )
    least = source.interval_s + source.timeout_s + source.late_s
    if source.stale_after_s <= least:
        raise table.error(
            "stale_after_s",
            source.stale_after_s,
            f"must be above interval_s + timeout_s + late_s, {least:g}, or every reading would be "
            "stale",
        )
    return source


def _urls(table: CheckedTable) -> tuple[str, ...]:
    urls = table.required("urls")
    if not isinstance(urls, list) or not urls:
        raise table.error("urls", urls, "must be a list of one or more http or https addresses")
    for index, url in enumerate(urls):
        if not isinstance(url, str) or not is_address(url):
            raise table.error(
                f"urls[{index}]", url, "must be like http://10.0.0.5:8000/metrics, without a user"
            )
    if len(set(urls)) < len(urls):
        raise table.error("urls", urls, "an address stands twice; its load would count twice")
    return tuple(urls)


def is_address(url: str) -> bool:
    """Return whether a text is an http or https address that names no user."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return False
    good = parts.scheme in {"http", "https"} and parts.hostname and "@" not in parts.netloc
    printable = url.isascii() and url.isprintable() and " " not in url
    return bool(good and printable and port != 0)


def _labels(table: CheckedTable) -> tuple[tuple[str, str], ...]:
    labels = table.content.get("labels", {})
    if not isinstance(labels, dict) or not all(isinstance(v, str) for v in labels.values()):
        raise table.error("labels", labels, "must be a table of texts")
    return tuple(sorted(labels.items()))
