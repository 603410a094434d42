"""``python -m bench.peers``: our service and routers of others on the same prompts, in turns.

It needs the peers' packages (``make bench-peers``). A peer is a library, so it decides inside the
process that asks; ours is asked as a library too, and over gRPC in a process of its own. No model
is called by anybody: classifiers of others that ask one are not here. Which tier each chooses,
and how well, is docs/peers.md.
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from statistics import median, quantiles

from bench.asking import on_a_loop, one_by_one
from bench.document import add_flag, write_section
from bench.load import Block, Clients, Job
from bench.report import Row, write_rows
from bench.server import MeasuredServer
from eval.peers.deciders import deciders
from eval.peers.gateway import CLASSIFIERS, Gateway
from eval.tables import markdown
from router import load_engine
from router.config import Config
from router.errors import RouterError

SIZES = (100, 500)
IN_FLIGHT = 16
OURS = "this router, Route over gRPC"
HEAD = (
    "router", "where it runs", "median ms", "p99 ms", "calls/s, 1 in flight",
    f"calls/s, {IN_FLIGHT} in flight", "median / our Route",
)  # fmt: skip
_LIBRARY = "in the caller's process"
_SERVER = "a server of its own, on loopback"


@dataclass(frozen=True, slots=True)
class Contender:
    """What is measured: ``run(size, in_flight, seed)`` gives a block; ``most`` calls in flight."""

    name: str
    where: str
    run: Callable[[int, int, int], Block]
    most: int = 1


def contenders(
    clients: Clients, runner: asyncio.Runner, seconds: float, data: Path
) -> list[Contender]:
    """List who is measured, our service first."""

    def over_grpc(method: str, size: int, in_flight: int, seed: int) -> Block:
        job = Job("echo" if method == "echo" else "route", size, in_flight, seconds, seed)
        return clients.run(job)

    gateway = Gateway()
    found = [
        Contender(OURS, _SERVER, partial(over_grpc, "route"), IN_FLIGHT),
        Contender("an empty echo over gRPC", _SERVER, partial(over_grpc, "echo"), IN_FLIGHT),
    ]
    for name, ask in deciders(load_engine(), data).items():
        found.append(Contender(name, _LIBRARY, partial(one_by_one, ask, seconds)))
    for name in CLASSIFIERS:
        ask_hook = partial(gateway.decide, name)
        found.append(
            Contender(
                f"LiteLLM Router, auto-router's hook ({name})", f"{_LIBRARY}, event loop",
                partial(on_a_loop, runner, ask_hook, gateway.settle, seconds), IN_FLIGHT,
            )
        )  # fmt: skip
    for title, name in (
        ("one model, no auto-router", "simple"),
        ("auto-router (rules)", "rules"),
        ("auto-router (heuristic_v2)", "heuristic_v2"),
    ):
        ask_whole = partial(gateway.complete, name)
        found.append(
            Contender(
                f"LiteLLM Router, whole call, {title}",
                f"{_LIBRARY}, event loop, the model's reply made up",
                partial(on_a_loop, runner, ask_whole, gateway.settle, seconds), IN_FLIGHT,
            )
        )  # fmt: skip
    return found


@dataclass(frozen=True, slots=True)
class Measured:
    """The blocks of one contender for one size, round by round; ``crowded`` may be empty."""

    contender: Contender
    alone: tuple[Block, ...]
    crowded: tuple[Block, ...]


def measure(found: Sequence[Contender], size: int, rounds: int, seed: int) -> list[Measured]:
    """Measure everybody in turns, ``rounds`` times."""
    alone: list[list[Block]] = [[] for _ in found]
    crowded: list[list[Block]] = [[] for _ in found]
    for number in range(seed, seed + rounds):
        for one, at_once, many in zip(found, alone, crowded, strict=True):
            at_once.append(one.run(size, 1, number))
            if one.most > 1:
                many.append(one.run(size, one.most, number))
        print(".", end="", file=sys.stderr, flush=True)
    print(f" {size} tokens", file=sys.stderr)
    return [
        Measured(one, tuple(at_once), tuple(many))
        for one, at_once, many in zip(found, alone, crowded, strict=True)
    ]


def rows_of(measured: Sequence[Measured], size: int) -> list[Row]:
    """Return the figures of everybody for one size; the first one's median is the measure."""
    ours = measured[0].alone
    rows = []
    for one in measured:
        name = f"{one.contender.name}, {size} tokens"
        every = [latency for block in one.alone for latency in block.latencies_ms]
        ratios = [
            median(block.latencies_ms) / median(our.latencies_ms)
            for block, our in zip(one.alone, ours, strict=True)
        ]
        rows += [
            Row(f"{name}: median", median(every), "ms"),
            Row(f"{name}: p99", quantiles(every, n=100)[-1], "ms"),
            Row(f"{name}: 1 in flight", _speed(one.alone), "calls/s"),
        ]
        if one.crowded:
            crowd = f"{name}: {one.contender.most} in flight"
            rows.append(Row(crowd, _speed(one.crowded), "calls/s"))
        rows.append(Row(f"{name}: median / our Route", median(ratios), "x"))
    return rows


def table_of(measured: Sequence[Measured], size: int) -> str:
    """Return the same as a table in Markdown."""
    value = {row.name: row.value for row in rows_of(measured, size)}
    lines = []
    for one in measured:
        name = f"{one.contender.name}, {size} tokens"
        crowd = value.get(f"{name}: {one.contender.most} in flight") if one.crowded else None
        lines.append(
            [
                one.contender.name,
                one.contender.where,
                f"{value[f'{name}: median']:.2f}",
                f"{value[f'{name}: p99']:.2f}",
                f"{value[f'{name}: 1 in flight']:,.0f}",
                "" if crowd is None else f"{crowd:,.0f}",
                f"{value[f'{name}: median / our Route']:.2f}",
            ]
        )
    return markdown([HEAD, *lines])


def _speed(blocks: Sequence[Block]) -> float:
    return median(block.calls_per_second for block in blocks)


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print tables in Markdown, write; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.peers", description=__doc__)
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a block (0.5)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of everybody (5)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="TOKENS")
    parser.add_argument("--data", type=Path, default=Path("data/outcomes"), help="fill the index")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/bench-peers.json"), metavar="FILE")
    add_flag(parser)
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = parser.parse_args(given)
    rows: list[Row] = []
    tables: list[str] = []
    try:
        with tempfile.TemporaryDirectory() as place, asyncio.Runner() as runner:
            config = Config(address="127.0.0.1:0", store=Path(place, "outcomes.sqlite3"))
            with (
                MeasuredServer.start(config, "asyncio") as server,
                Clients(server.address, 1) as clients,
            ):
                found = contenders(clients, runner, arguments.seconds, arguments.data)
                for size in arguments.sizes:
                    measured = measure(found, size, arguments.rounds, arguments.seed)
                    rows += rows_of(measured, size)
                    tables.append(f"Prompts of {size} tokens:\n\n{table_of(measured, size)}")
                    print(f"\n{tables[-1]}")
        seed, text = arguments.seed, "\n\n".join(tables)
        write_section(arguments.document, "peers", "bench.peers", given, seed, text)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    settings = {name: getattr(arguments, name) for name in ("seconds", "rounds")}
    write_rows(rows, arguments.seed, settings, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
