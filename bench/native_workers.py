"""``python -m bench.native_workers``: what a second worker adds, under h2load.

Servers with each number of workers run beside each other and are loaded in turns, so that both meet
the same minutes of the machine. The load generator takes a part of the cores that workers could
have used; how much it and each server took is measured and stands beside (start and end of h2load,
when nobody is served, count as well). Latencies and fixed rates: ``bench.native``.
"""

import argparse
import os
import random
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from statistics import median

from bench.document import add_flag, write_section
from bench.native import ROUTE_METHOD, Shape, closed_loop, find_h2load
from bench.process import processor_seconds
from bench.report import Row, publish, table_of_rows
from bench.texts import make_prompt
from router.cli.child import ServerProcess
from router.errors import RouterError
from router.v1 import router_pb2 as pb

SHAPE = Shape(16, 4)
"""Connections enough that the kernel deals some to every worker."""


def worker_rows(
    counts: Sequence[int], tokens: int, seconds: float, rounds: int, seed: int
) -> list[Row]:
    """Return calls per second for each number of workers, and each against the first.

    Args:
        counts: Numbers of workers, the first is what the others are compared with.
        tokens: Length of the prompt.
        seconds: Length of a block.
        rounds: Blocks of each number, in turns.
        seed: Of the prompt.

    Raises:
        RouterError: h2load is missing or a server does not come up.
    """
    generator = random.Random(seed)  # noqa: S311 - text, not a secret
    request = pb.RouteRequest(prompt=make_prompt(generator, tokens))
    speeds: dict[int, list[float]] = {count: [] for count in counts}
    busy: dict[int, list[float]] = {count: [] for count in counts}
    served: dict[int, list[float]] = {count: [] for count in counts}
    with ExitStack() as stack:
        place = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        servers = {
            count: stack.enter_context(
                ServerProcess(
                    ["--address", "127.0.0.1:0", "--workers", str(count),
                     "--store", str(place / f"{count}.sqlite3")]
                )
            )
            for count in counts
        }  # fmt: skip
        for _ in range(rounds):
            for count, server in servers.items():
                before, spent = os.times(), processor_seconds(server.pid)
                block = closed_loop(server.address, ROUTE_METHOD, request, SHAPE, seconds)
                after = os.times()
                took = after.children_user + after.children_system
                took -= before.children_user + before.children_system
                speeds[count].append(block.calls_per_second)
                spent = processor_seconds(server.pid) - spent
                busy[count].append(took / (after.elapsed - before.elapsed))
                served[count].append(spent / (after.elapsed - before.elapsed))
            print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    rows = []
    first = counts[0]
    for count in counts:
        name = f"{count} worker{'s' if count > 1 else ''}, {tokens} tokens, saturated"
        rows += [
            Row(name, median(speeds[count]), "calls/s"),
            Row(f"{name}: cores it took", median(served[count]), "cores"),
            Row(f"{name}: cores the load generator took", median(busy[count]), "cores"),
        ]
        if count != first:
            ratio = median(b / a for a, b in zip(speeds[first], speeds[count], strict=True))
            rows.append(Row(f"{name}: / {first}", ratio, "x"))
    return rows


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.native_workers", description=__doc__)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2], metavar="NUMBER")
    parser.add_argument("--tokens", type=int, default=20, help="length of the prompt (20)")
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a block (1.5)")
    parser.add_argument("--rounds", type=int, default=7, help="alternating rounds (7)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument(
        "--out", type=Path, default=Path("build/bench-native-workers.json"), metavar="FILE"
    )
    add_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write; return the exit status."""
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = build_parser().parse_args(given)
    try:
        find_h2load()
        rows = worker_rows(
            arguments.workers,
            arguments.tokens,
            arguments.seconds,
            arguments.rounds,
            arguments.seed,
        )
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    settings = {name: getattr(arguments, name) for name in ("tokens", "seconds", "rounds")}
    publish(rows, arguments.seed, settings, arguments.out)
    text = table_of_rows(rows)
    write_section(
        arguments.document, "native-workers", "bench.native_workers", given, arguments.seed, text
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
