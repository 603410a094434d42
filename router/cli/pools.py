"""``pools``: what the pools of a catalog cost, and from which traffic they pay; ``size`` apart."""

import argparse
import asyncio
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from router.catalog import Catalog, load_catalog
from router.cli.pool_size import add_size
from router.cli.table import lines_of_table
from router.cost.pools.average import average_usd, cold_start_usd, usd_per_hour
from router.cost.pools.break_even import break_even
from router.cost.pools.engines import read_gpus, read_load
from router.cost.pools.flow import Flow
from router.cost.pools.http import fetch
from router.cost.pools.load import load_of, saturation
from router.cost.pools.pool import HOURS_PER_MONTH, Pool
from router.cost.pools.stated import is_address
from router.defaults import default_catalog_path
from router.errors import CatalogError, RouterError

_UTILISATIONS = (1.0, 0.6, 0.2, 0.05)
_MTOK = 1_000_000.0
_GPU_TIMEOUT_S = 5.0
_GPU_COLUMNS = (
    ("power_watts", ".0f"), ("dram_active", ".0%"), ("tensor_active", ".0%"),
    ("memory_used_mib", ",.0f"),
)  # fmt: skip
_MOST_AMOUNT = 1e18
_SIZES = ((1e12, " T"), (1e9, " B"), (1e6, " M"), (1e3, " k"))


def add_pools(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``pools``."""
    parser = commands.add_parser("pools", help="what pools of GPUs cost, and when they pay")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    for name, run, text in (
        ("show", show, "cost of each pool, per hour and per million output tokens"),
        ("break-even", pays, "traffic at which each pool costs what each API costs"),
    ):
        action = actions.add_parser(name, help=text, description=f"Print the {text}.")
        action.add_argument("--catalog", type=Path, metavar="FILE", default=default_catalog_path())
        action.add_argument("--pool", metavar="NAME", help="only this pool")
        action.add_argument(
            "--input-per-output",
            type=_amount,
            metavar="TOKENS",
            default=1.0,
            help="input tokens for each output token (default: 1)",
        )
        for key in ("usd-per-gpu-hour", "operations-usd-per-month", "discount"):
            action.add_argument(f"--{key}", type=_amount, metavar="X", help="instead of the file's")
        action.set_defaults(run=run)
    action = actions.add_parser(
        "load",
        help="ask every endpoint of every pool for its load, once",
        description="Ask every endpoint for its load, once, as a server does again and again. Exit "
        "status 1 if one of them gives none.",
    )
    action.add_argument("--catalog", type=Path, metavar="FILE", default=default_catalog_path())
    action.add_argument(
        "--gpus", type=_address, metavar="URL", action="append", default=[],
        help="a DCGM exporter, to see what GPUs do meanwhile; again for more",
    )  # fmt: skip
    action.set_defaults(run=load, pool=None)
    add_size(actions)


def show(arguments: argparse.Namespace) -> int:
    """Print what each pool costs; return 0."""
    print("\n".join(lines_of_pools(_pools(arguments)[1], arguments.input_per_output)))
    return 0


def pays(arguments: argparse.Namespace) -> int:
    """Print from which traffic each pool pays against each API; return 0."""
    catalog, pools = _pools(arguments)
    print("\n".join(lines_of_break_even(catalog, pools, arguments.input_per_output)))
    return 0


def load(arguments: argparse.Namespace) -> int:
    """Print what every endpoint tells; return 0, or 1 if one tells nothing."""
    pools = _pools(arguments)[1]
    rows = [row for pool in pools for row in asyncio.run(_load_rows(pool))]
    header = ("pool", "endpoint", "waiting", "under way", "KV cache", "saturation", "")
    print("\n".join(lines_of_table(header, rows, right=(2, 3, 4, 5))))
    gpus = [asyncio.run(_gpu_row(url)) for url in arguments.gpus]
    if gpus:
        names = ("GPUs", "power W", "memory busy", "tensor cores busy", "memory used MiB", "")
        print()
        print("\n".join(lines_of_table(names, gpus, right=(1, 2, 3, 4))))
    return int(any(row[-1] for row in (*rows, *gpus)))


async def _gpu_row(url: str) -> tuple[str, ...]:
    """Return what a DCGM exporter tells, as means over its GPUs; what it does not tell is empty."""
    try:
        told = read_gpus(await fetch(url, _GPU_TIMEOUT_S))
    except RouterError as error:
        return (url, "", "", "", "", error.message)
    cells = (format(told[key], form) if key in told else "" for key, form in _GPU_COLUMNS)
    problem = "" if told else "no metric of DCGM is there"
    return (url, *cells, problem)


async def _load_rows(pool: Pool) -> list[tuple[str, ...]]:
    """Return a row for each endpoint; saturation as if all of the pool were like it."""
    source = pool.load
    if source is None:
        return [(pool.name, "", "", "", "", "", "no [pools.load]: priced at its average cost")]
    pages = (fetch(url, source.timeout_s) for url in source.urls)
    rows: list[tuple[str, ...]] = []
    for url, page in zip(
        source.urls, await asyncio.gather(*pages, return_exceptions=True), strict=True
    ):
        try:
            if isinstance(page, BaseException):
                raise page
            reading = read_load(page, source)
        except RouterError as error:
            rows.append((pool.name, url, "", "", "", "", error.message))
            continue
        full = saturation(load_of(pool, [reading], 0.0, Flow(1.0)), source, 0.0, 0.0)
        rows.append(
            (
                pool.name,
                url,
                f"{reading.waiting:g}",
                "" if reading.running is None else f"{reading.running:g}",
                "" if reading.kv is None else f"{reading.kv:.0%}",
                f"{full:.2f}",
                "",
            )
        )
    return rows


def lines_of_pools(pools: tuple[Pool, ...], input_per_output: float) -> list[str]:
    """Return a table of pools, with the average cost of a million output tokens."""
    rows = [
        (
            pool.name,
            f"{pool.replicas} x {pool.gpus_per_replica}",
            pool.purchase,
            f"{usd_per_hour(pool):.2f}",
            f"{usd_per_hour(pool) * HOURS_PER_MONTH:,.0f}",
            *(
                f"{average_usd(pool, input_per_output * _MTOK, _MTOK, share):.2f}"
                for share in _UTILISATIONS
            ),
            f"{cold_start_usd(pool):.2f}" if pool.cold_start else "",
        )
        for pool in pools
    ]
    header = (
        "pool", "GPUs", "paid", "USD/h", "USD/month",
        *(f"at {share:.0%}" for share in _UTILISATIONS), "cold start",
    )  # fmt: skip
    last = (
        f"USD per million output tokens with {input_per_output:g} input tokens to each, at that "
        "share of the throughput; the rest of the hour stands idle and is paid too."
    )
    return [*lines_of_table(header, rows, right=range(3, 10)), "", last]


def lines_of_break_even(
    catalog: Catalog, pools: tuple[Pool, ...], input_per_output: float
) -> list[str]:
    """Return a table of pools against the catalog's priced APIs."""
    rows = list(_break_even_rows(catalog, pools, input_per_output))
    header = ("pool", "against", "USD/Mtok in", "out", "output tokens/day", "of throughput", "")
    last = (
        f"With {input_per_output:g} input tokens to each output token, all of the traffic on the "
        "pool, which costs the same when idle. Only traffic its model is good enough for counts."
    )
    return [*lines_of_table(header, rows, right=(2, 3, 4, 5)), "", last]


def _break_even_rows(
    catalog: Catalog, pools: tuple[Pool, ...], input_per_output: float
) -> Iterator[tuple[str, ...]]:
    for pool in pools:
        for item in catalog.deployments:
            if item.kind != "api" or item.price is None:
                continue
            dear = item.price
            point = break_even(
                pool, dear.input_usd_per_mtok, dear.output_usd_per_mtok, input_per_output
            )
            yield (
                pool.name,
                item.id,
                f"{dear.input_usd_per_mtok:g}",
                f"{dear.output_usd_per_mtok:g}",
                _count(point.output_tokens_per_day),
                f"{point.utilisation:.1%}",
                "" if point.utilisation <= 1.0 else "never pays",
            )


def _pools(arguments: argparse.Namespace) -> tuple[Catalog, tuple[Pool, ...]]:
    catalog = load_catalog(arguments.catalog)
    names = [pool.name for pool in catalog.pools]
    wanted = names if arguments.pool is None else [arguments.pool]
    chosen = tuple(pool for pool in catalog.pools if pool.name in wanted)
    if not chosen:
        raise CatalogError(
            f"{arguments.catalog}: pools = {names}: there is no pool"
            + (f" {arguments.pool!r}" if arguments.pool else "")
            + "; add [[pools]] or give another catalog, for example data/catalog.pools.toml",
            metadata={"file": str(arguments.catalog)},
        )
    keys = ("usd_per_gpu_hour", "operations_usd_per_month", "discount")
    given = vars(arguments)
    changes = {key: given[key] for key in keys if given.get(key) is not None}
    if not 0.0 <= changes.get("discount", 0.0) < 1.0:
        raise CatalogError(f"--discount {changes['discount']:g}: must be >= 0 and < 1")
    return catalog, tuple(replace(pool, **changes) for pool in chosen)


def _address(text: str) -> str:
    if not is_address(text):
        raise argparse.ArgumentTypeError(
            f"{text!r} given, must be like http://10.0.0.5:9400/metrics, without a user"
        )
    return text


def _amount(text: str) -> float:
    value = float(text)
    if not 0.0 <= value <= _MOST_AMOUNT:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to {_MOST_AMOUNT:g}")
    return value


def _count(tokens: float) -> str:
    """Return a number of tokens with three digits and its size."""
    if tokens == float("inf"):
        return "none"
    size, sign = next((pair for pair in _SIZES if tokens >= pair[0]), (1.0, ""))
    return f"{tokens / size:.3g}{sign}"
