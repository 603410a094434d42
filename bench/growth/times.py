"""The time of a call at every point of an axis, the points taking turns, each beside its echo."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles

from bench.growth.axes import Axis, Point, Setup
from bench.growth.setups import Place
from bench.load import Block, Clients, Job
from bench.server import MeasuredServer
from router.config import Config


@dataclass(frozen=True, slots=True)
class Timed:
    """Blocks of one point, one call in flight, round by round: our calls, and the echo's."""

    point: Point
    routes: tuple[Block, ...]
    echoes: tuple[Block, ...]

    @property
    def medians_ms(self) -> tuple[float, ...]:
        """Median of each round."""
        return tuple(median(block.latencies_ms) for block in self.routes)

    @property
    def median_ms(self) -> float:
        """Median of all calls."""
        return median(latency for block in self.routes for latency in block.latencies_ms)

    @property
    def p99_ms(self) -> float:
        """99th percentile of all calls."""
        every = [latency for block in self.routes for latency in block.latencies_ms]
        return quantiles(every, n=100)[-1] if len(every) > 1 else every[0]

    @property
    def over_echo(self) -> float:
        """Median over rounds of our median divided by the echo's."""
        pairs = zip(self.medians_ms, self.echoes, strict=True)
        return median(ours / median(echo.latencies_ms) for ours, echo in pairs)

    def over(self, other: "Timed") -> float:
        """Median over rounds of our median divided by another point's."""
        return median(a / b for a, b in zip(self.medians_ms, other.medians_ms, strict=True))


def measure(
    axis: Axis, places: Mapping[Setup, Place], store: Path, seconds: float, rounds: int, seed: int
) -> list[Timed]:
    """Measure an axis: every setup has a server that stays up, every round visits every point.

    Args:
        axis: What grows.
        places: Of its setups.
        store: Directory for the servers' stores.
        seconds: Length of a block, > 0.
        rounds: At least 1.
        seed: Of the prompts.
    """
    with ExitStack() as stack:
        clients = {
            setup: stack.enter_context(serving(places[setup], store / f"{axis.name}-{number}"))
            for number, setup in enumerate(dict.fromkeys(point.setup for point in axis.points))
        }
        asked = [(point, clients[point.setup]) for point in axis.points]
        found = take_turns(asked, seconds, rounds, seed)
    print(f" {axis.name}", file=sys.stderr)
    return found


@contextmanager
def serving(place: Place, store: Path) -> Iterator[Clients]:
    """Serve a setup in a process of its own; give a client process of it."""
    config = Config(
        address="127.0.0.1:0", artifact=place.artifact, catalog=place.catalog, store=store
    )
    with (
        MeasuredServer.start(config, "asyncio") as server,
        Clients(server.address, 1) as clients,
    ):
        yield clients


def take_turns(
    asked: Sequence[tuple[Point, Clients]], seconds: float, rounds: int, seed: int
) -> list[Timed]:
    """Ask every point in every round, with an echo of the same server before it.

    Args:
        asked: Points, and clients of the server each is asked of.
        seconds: Length of a block, > 0.
        rounds: At least 1.
        seed: Of the prompts.
    """
    routes: list[list[Block]] = [[] for _ in asked]
    echoes: list[list[Block]] = [[] for _ in asked]
    for number in range(rounds):
        for (point, clients), ours, floor in zip(asked, routes, echoes, strict=True):
            floor.append(clients.run(Job("echo", 0, 1, seconds / 2, seed)))
            job = Job("route", point.tokens, 1, seconds, seed + number, messages=point.messages)
            ours.append(clients.run(job))
        print(".", end="", file=sys.stderr, flush=True)
    return [
        Timed(point, tuple(ours), tuple(floor))
        for (point, _), ours, floor in zip(asked, routes, echoes, strict=True)
    ]
