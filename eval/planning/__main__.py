"""``python -m eval.planning``: plan with a log of traffic.

``simulate`` replays traffic through ways to price a pool of GPUs, ``break-even`` says whether the
pool pays over it, ``log`` writes a log from held-out prompts. Tables are Markdown on standard
output; every random draw comes from ``--seed``.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from eval.evaluate import split_held_out
from eval.outcomes import read_outcomes
from eval.planning.flags import above_zero, count, duration, inner_share, range_of, share
from eval.planning.log import read_traffic
from eval.planning.made import made_lines
from eval.planning.market import market_of, own_deployment, setting_of
from eval.planning.plots import draw_break_even, draw_replay
from eval.planning.sensitivity import cases
from eval.planning.tables import LIST, case_lines, run_lines, seed_lines, utilisation_lines
from eval.planning.waiting import waiting_lines
from eval.pools.autoscale import Autoscaler
from eval.pools.deadlines import all_at_once, deferrable, with_margin
from eval.pools.market import STUDIED
from eval.pools.routers import WAYS
from eval.pools.run import Run, Setting
from eval.pools.simulate import simulate
from eval.pools.study import scenario, setting
from eval.pools.traffic import SCENARIOS, Traffic, draw
from router.catalog import Catalog, load_catalog
from router.defaults import default_artifact_directory
from router.deferred.ways import Deadline
from router.engine import build_engine
from router.errors import CatalogError, DataError, RouterError
from router.predict.artifact import load_artifact
from router.types import Goal

_CATALOG = Path("data/catalog.pools.toml")
_MADE_UP = tuple(one.name for one in SCENARIOS)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0, or 1 if it could not be done."""
    arguments = _parser().parse_args(argv)
    try:
        for line in arguments.call(arguments):
            print(line, flush=True)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    return 0


def _simulate(arguments: argparse.Namespace) -> Iterator[str]:
    ways = [way for way in WAYS if not arguments.ways or way.name in {*arguments.ways, LIST}]
    found: dict[str, list[Run]] = {way.name: [] for way in ways}
    at_once: dict[str, list[Run]] = {way.name: [] for way in ways}
    seeds = range(arguments.seed, arguments.seed + (1 if arguments.log else arguments.seeds))
    words, amount = "", ""
    for seed in seeds:
        how, traffic, what = _replayed(arguments) if arguments.log else _made_up(arguments, seed)
        words = words or what  # a picture shows the first seed
        amount = f"{traffic.at.size} requests in {traffic.seconds / 3600.0:.2f} hours"
        traffic = _with_deadlines(arguments, traffic, how, seed)
        for way in ways:
            found[way.name].append(simulate(way, traffic, how, seed))
            if traffic.deadlines is not None:
                at_once[way.name].append(simulate(way, all_at_once(traffic), how, seed))
    if len(seeds) > 1:
        yield from seed_lines(found)
    else:
        yield f"{words} {amount}."
        yield ""
        yield from run_lines({name: one for name, (one,) in found.items()})
    if at_once[LIST]:
        yield ""
        yield from waiting_lines(found, at_once)
    if arguments.picture is not None:
        draw_replay(arguments.picture, {name: runs[0] for name, runs in found.items()}, words)


def _with_deadlines(
    arguments: argparse.Namespace, traffic: Traffic, how: Setting, seed: int
) -> Traffic:
    """Return the traffic with the deadlines that the command line asks for beside its own."""
    given, within = arguments.deferrable, arguments.within
    if (given is None) != (within is None):
        raise DataError(
            "--deferrable and --within go together: which share of the requests can wait, and how "
            "long, such as --deferrable 0.3 --within 6h"
        )
    if given is not None:
        traffic = deferrable(traffic, given, Deadline(within, arguments.confidence), seed)
    if traffic.deadlines is not None and not any(one.completion for one in how.market.deployments):
        raise CatalogError(
            "requests have deadlines, and no deployment of the catalog says how long answers take: "
            "state [deployments.completion] (docs/catalog.md)"
        )
    return with_margin(traffic, how.margin_s)


def _replayed(arguments: argparse.Namespace) -> tuple[Setting, Traffic, str]:
    catalog = load_catalog(arguments.catalog)
    pool, own = own_deployment(catalog, arguments.pool)
    market = market_of(catalog, own, _goal(arguments, catalog))
    how = setting_of(
        pool,
        market,
        routers=arguments.routers,
        autoscaler=_autoscaler(arguments),
        true_hit_rate=arguments.true_hit_rate,
        kv_tokens=arguments.kv_tokens,
        margin_s=catalog.deadlines.margin_seconds,
    )
    traffic = read_traffic(arguments.log, catalog.tier_names, arguments.routers, arguments.seed)
    names = ", ".join(path.name for path in arguments.log)
    return how, traffic, f"{names} on {arguments.catalog.name}, pool {pool.name}."


def _made_up(arguments: argparse.Namespace, seed: int) -> tuple[Setting, Traffic, str]:
    """Return the study's pool and traffic, with what the command line changes."""
    how = replace(
        setting(),
        routers=arguments.routers,
        autoscaler=_autoscaler(arguments),
        true_hit_rate=arguments.true_hit_rate,
        market=STUDIED,
    )
    kind = scenario(arguments.scenario).lasting(3600.0 * arguments.hours)
    capacity = how.pool.replicas * how.pool.throughput.decode_tokens_per_s
    traffic = draw(kind, capacity, how.routers, seed)
    return how, traffic, f"Made-up traffic {kind.name!r} ({kind.words}), seed {seed}."


def _break_even(arguments: argparse.Namespace) -> Iterator[str]:
    catalog = load_catalog(arguments.catalog)
    pool, own = own_deployment(catalog, arguments.pool)
    target = arguments.quality_target
    market = market_of(catalog, own, Goal(quality_target=target))
    traffic = read_traffic(arguments.log, catalog.tier_names)
    found = list(cases(pool, market, traffic, target, arguments.seed))
    if not found[0].found.share:
        raise DataError(
            f"no request of the log is predicted adequate at {target:g} on pool {pool.name!r} with "
            "another deployment to compare it with: give a lower --quality-target"
        )
    names = ", ".join(path.name for path in arguments.log)
    what = f"{names} on {arguments.catalog.name}: {pool.name} against the cheapest adequate API."
    yield what
    yield ""
    yield from case_lines(found)
    yield ""
    yield from utilisation_lines(found[0])
    if arguments.picture is not None:
        draw_break_even(arguments.picture, found, what)


def _log(arguments: argparse.Namespace) -> Iterator[str]:
    engine = build_engine(load_artifact(arguments.artifact), load_catalog(arguments.catalog))
    held_out = split_held_out(engine, read_outcomes(arguments.data)).test
    kind = scenario(arguments.scenario).lasting(3600.0 * arguments.hours)
    lines = made_lines(engine, held_out, kind, arguments.requests, arguments.seed)
    text = "\n".join(lines) + "\n"
    arguments.out.parent.mkdir(parents=True, exist_ok=True)
    arguments.out.write_text(text, encoding="utf-8")
    yield f"wrote {text.count(chr(10))} requests to {arguments.out}"


def _goal(arguments: argparse.Namespace, catalog: Catalog) -> Goal:
    target, pay = arguments.quality_target, arguments.willingness_to_pay
    if target is not None:
        return Goal(quality_target=target)
    return catalog.default_goal if pay is None else Goal(willingness_to_pay_usd=pay)


def _autoscaler(arguments: argparse.Namespace) -> Autoscaler | None:
    if arguments.autoscale is None:
        return None
    least, most = arguments.autoscale
    return Autoscaler(least, most, start_s=arguments.start_s)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m eval.planning", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    run = commands.add_parser("simulate", help="replay traffic through ways to price a pool")
    run.add_argument("log", nargs="*", type=Path, help="JSON lines; without: --scenario")
    run.add_argument("--scenario", choices=_MADE_UP, default="mixed", help="made-up traffic")
    run.add_argument("--ways", nargs="*", choices=[way.name for way in WAYS], help="only these")
    run.add_argument("--seeds", type=count, default=1, help="of made-up traffic (default: 1)")
    run.add_argument(
        "--hours", type=above_zero, default=1.0, help="a made-up day lasts (default: 1)"
    )
    run.add_argument(
        "--deferrable", type=share, metavar="SHARE", help="of the requests, have a deadline as well"
    )
    run.add_argument("--within", type=duration, metavar="TIME", help="that deadline, such as 6h")
    run.add_argument("--confidence", type=inner_share, default=0.99, help="of it (default: 0.99)")
    run.add_argument("--willingness-to-pay", type=above_zero, metavar="USD")
    run.add_argument("--routers", type=count, default=8, help="router processes (default: 8)")
    run.add_argument(
        "--autoscale", type=range_of, metavar="LEAST:MOST", help="replicas; without: as stated"
    )
    run.add_argument("--start-s", type=above_zero, default=120.0, help="start of a replica")
    run.add_argument("--true-hit-rate", type=share, default=0.9, help="of providers' caches")
    run.add_argument(
        "--kv-tokens", type=above_zero, default=float("inf"), help="KV cache of one replica"
    )
    run.set_defaults(call=_simulate)
    pays = commands.add_parser("break-even", help="whether a pool pays over the traffic of a log")
    pays.add_argument("log", nargs="+", type=Path, help="JSON lines")
    pays.set_defaults(call=_break_even)
    for one, default in ((run, None), (pays, 0.8)):
        one.add_argument("--catalog", type=Path, default=_CATALOG, metavar="FILE")
        one.add_argument("--pool", metavar="NAME", help="needed if the catalog has several")
        one.add_argument("--quality-target", type=share, default=default, metavar="SHARE")
        one.add_argument("--picture", type=Path, metavar="PNG", help="draw a picture as well")
        one.add_argument("--seed", type=int, default=1)
    made = commands.add_parser("log", help="write a log from held-out prompts at made-up times")
    made.add_argument("--artifact", type=Path, default=default_artifact_directory())
    made.add_argument("--catalog", type=Path, default=_CATALOG, metavar="FILE")
    made.add_argument("--data", type=Path, default=Path("data/outcomes"))
    made.add_argument("--scenario", choices=_MADE_UP, default="mixed", help="when they come")
    made.add_argument("--requests", type=count, default=30_000)
    made.add_argument("--hours", type=above_zero, default=1.0)
    made.add_argument("--seed", type=int, default=1)
    made.add_argument("--out", type=Path, required=True, metavar="FILE")
    made.set_defaults(call=_log)
    return parser


if __name__ == "__main__":
    sys.exit(main())
