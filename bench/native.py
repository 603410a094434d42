"""``python -m bench.native``: the server under h2load, a load generator that costs it few cycles.

Python clients take as much of the machine as the server. h2load (package nghttp2-client of Debian
and Ubuntu, nghttp2 of Homebrew) sends one prompt over and over, so memories of words are complete;
``python -m bench`` sends different ones. A rate is kept whatever the server does (open loop), so
that a slow answer does not spare the server the next call. Nothing is measured here without it.
"""

import argparse
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from google.protobuf import empty_pb2
from google.protobuf.message import Message

from bench.document import add_flag, write_section
from bench.load import Block
from bench.programs import find_program
from bench.report import Row, publish, table_of_rows
from bench.server import ECHO_METHOD, MeasuredServer
from bench.texts import make_prompt
from router.config import Config
from router.errors import NotReadyError, RouterError
from router.v1 import router_pb2 as pb

ROUTE_METHOD = "/router.v1.RouterService/Route"
SIZES = (20, 100, 500)
SHARES = (0.25, 0.5, 0.7, 0.9)
"""Of the rate at saturation, at which latencies are measured in an open loop."""

_MOST_IN_FLIGHT = 1_000
_WARM_MS = 300


@dataclass(frozen=True, slots=True)
class Shape:
    """How calls come in a closed loop: connections, and calls in flight on each."""

    connections: int
    in_flight: int


ALONE = Shape(1, 1)
SATURATED = Shape(4, 8)


def find_h2load() -> str:
    """Return the path of h2load.

    Raises:
        NotReadyError: it is not installed.
    """
    return find_program(
        "h2load",
        "install it (Debian, Ubuntu: apt install nghttp2-client; macOS: brew install nghttp2), or "
        "run 'python -m bench', which needs nothing",
    )


def body_of(message: Message) -> bytes:
    """Return a message as gRPC frames it: no compression, four bytes of length, the message."""
    data = message.SerializeToString()
    return b"\0" + len(data).to_bytes(4, "big") + data


def closed_loop(address: str, method: str, message: Message, shape: Shape, seconds: float) -> Block:
    """Send one message over and over, each call after an answer; return the latencies.

    Raises:
        NotReadyError: see ``_h2load``.
    """
    flags = [
        f"--duration={seconds * 1000:.0f}ms", f"--warm-up-time={_WARM_MS}ms",
        f"--clients={shape.connections}", f"--max-concurrent-streams={shape.in_flight}",
        f"http://{address}{method}",
    ]  # fmt: skip
    latencies = _h2load(flags, message)
    return Block(latencies, len(latencies) / seconds)


def open_loop(
    address: str, method: str, message: Message, rate: float, seconds: float, seed: int
) -> Block:
    """Send one message at the times of a Poisson process, answered or not; return the latencies.

    Args:
        address: host:port of the server.
        method: Path of the method.
        message: The request.
        rate: Calls a second, > 0. Above 1,000 calls in flight the next ones wait.
        seconds: For how long.
        seed: Of the times.

    Raises:
        NotReadyError: see ``_h2load``.
    """
    generator = random.Random(seed)  # noqa: S311 - arrival times, not a secret
    lines, now = [], 0.0
    while (now := now + generator.expovariate(rate)) < seconds:
        lines.append(f"{now * 1000:.3f}\thttp://{address}{method}\n")
    with tempfile.TemporaryDirectory() as place:
        script = Path(place, "script")
        script.write_text("".join(lines), encoding="ascii")
        flags = [f"--timing-script-file={script}", f"--max-concurrent-streams={_MOST_IN_FLIGHT}"]
        latencies = _h2load(flags, message)
    return Block(latencies, len(latencies) / seconds)


def _h2load(flags: Sequence[str], message: Message) -> tuple[float, ...]:
    """Run h2load and return the milliseconds of each call.

    Raises:
        NotReadyError: h2load is missing, failed, or calls came back with another HTTP status than
            200. (A gRPC status stands in trailers that h2load does not look at.)
    """
    with tempfile.TemporaryDirectory() as place:
        body, log = Path(place, "body"), Path(place, "log")
        body.write_bytes(body_of(message))
        command = [
            find_h2load(), "--threads=1", f"--data={body}", f"--log-file={log}",
            "--header=content-type: application/grpc", "--header=te: trailers", *flags,
        ]  # fmt: skip
        done = subprocess.run(  # noqa: S603 - a fixed program, arguments are ours
            command, capture_output=True, text=True, check=False
        )
        if done.returncode != 0 or not log.is_file():
            raise NotReadyError(f"h2load ended with {done.returncode}: {done.stderr.strip()}")
        rows = [line.split("\t") for line in log.read_text(encoding="ascii").splitlines()]
    refused = sum(status != "200" for _, status, _ in rows)
    if refused or not rows:
        raise NotReadyError(f"{refused} of {len(rows)} calls had another HTTP status than 200")
    return tuple(int(took) / 1000.0 for _, _, took in rows)


def route_rows(address: str, size: int, seconds: float, rounds: int, seed: int) -> list[Row]:
    """Return one call in flight, saturation and fixed rates, for prompts of one size."""
    generator = random.Random(seed)  # noqa: S311 - text, not a secret
    request = pb.RouteRequest(prompt=make_prompt(generator, size))
    empty = empty_pb2.Empty()
    alone, most = [], []
    for _ in range(rounds):
        alone.append(
            (
                closed_loop(address, ECHO_METHOD, empty, ALONE, seconds),
                closed_loop(address, ROUTE_METHOD, request, ALONE, seconds),
            )
        )
        most.append(
            (
                closed_loop(address, ECHO_METHOD, empty, SATURATED, seconds),
                closed_loop(address, ROUTE_METHOD, request, SATURATED, seconds),
            )
        )
        print(".", end="", file=sys.stderr, flush=True)
    name = f"Route {size} tokens"
    speed = median(route.calls_per_second for _, route in most)
    rows = [
        Row(f"{name}, 1 in flight: median", _middle(alone, 1), "ms"),
        Row(f"echo beside {size} tokens, 1 in flight: median", _middle(alone, 0), "ms"),
        Row(f"{name}, 1 in flight: median / echo", _ratio(alone, _median), "x"),
        Row(f"{name}, 1 in flight: p99 / echo", _ratio(alone, _last), "x"),
        Row(f"{name}, saturated", speed, "calls/s"),
        Row(f"{name}, saturated: / echo", _ratio(most, _speed), "x"),
    ]
    for share in SHARES:
        block = open_loop(address, ROUTE_METHOD, request, speed * share, seconds * 2, seed)
        cuts = quantiles(block.latencies_ms, n=1000)
        label = f"{name}, {share:.0%} of that rate"
        rows += [
            Row(f"{label}: {percentile}", cuts[cut], "ms")
            for percentile, cut in (("p50", 499), ("p90", 899), ("p99", 989), ("p99.9", 998))
        ]
    print(f" {size} tokens", file=sys.stderr)
    return rows


def _median(block: Block) -> float:
    return median(block.latencies_ms)


def _last(block: Block) -> float:
    return quantiles(block.latencies_ms, n=100)[-1]


def _speed(block: Block) -> float:
    return block.calls_per_second


def _middle(pairs: Sequence[tuple[Block, Block]], which: int) -> float:
    return median(median(pair[which].latencies_ms) for pair in pairs)


def _ratio(pairs: Sequence[tuple[Block, Block]], figure: Callable[[Block], float]) -> float:
    return median(figure(route) / figure(echo) for echo, route in pairs)


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.native", description=__doc__)
    parser.add_argument("--seconds", type=float, default=1.5, help="length of a block (1.5)")
    parser.add_argument("--rounds", type=int, default=5, help="alternating rounds (5)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="TOKENS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/bench-native.json"), metavar="FILE")
    add_flag(parser)
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print, write; return the exit status."""
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = build_parser().parse_args(given)
    rows: list[Row] = []
    try:
        find_h2load()
        with tempfile.TemporaryDirectory() as place:
            config = Config(address="127.0.0.1:0", store=Path(place, "outcomes.sqlite3"))
            with MeasuredServer.start(config, "asyncio") as server:
                for size in arguments.sizes:
                    rows += route_rows(
                        server.address, size, arguments.seconds, arguments.rounds, arguments.seed
                    )
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    settings = {name: getattr(arguments, name) for name in ("seconds", "rounds")}
    publish(rows, arguments.seed, settings, arguments.out)
    text = table_of_rows(rows)
    write_section(arguments.document, "native", "bench.native", given, arguments.seed, text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
