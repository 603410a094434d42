"""What API keys cost a call: ``python -m bench.gate``.

The same Route of a short prompt goes in turns to two servers, one with a file of keys and one
without; and the gate alone is timed without a network.
"""

import argparse
import asyncio
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import grpc

from router.access.callers import Callers
from router.access.keys import new_key
from router.access.keys_file import CallerLimits
from router.cli.child import ServerProcess
from router.server.gate import Gate, Handler
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

_REQUEST = pb.RouteRequest(prompt="Name three rivers that flow into the Black Sea.")
_METHOD = "/router.v1.RouterService/Route"


def main(argv: Sequence[str] | None = None) -> int:
    """Print both figures; return 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.gate", description=__doc__)
    parser.add_argument("--rounds", type=int, default=21, help="rounds of both servers (21)")
    parser.add_argument("--calls", type=int, default=300, help="calls a round and server (300)")
    arguments = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as directory:
        key = new_key()
        file = Path(directory) / "keys.toml"
        file.write_text(
            f'format = 1\n[[keys]]\nid = "{key.id}"\nname = "bench"\nsha256 = "{key.sha256}"\n'
            'scopes = ["route"]\nrequests_per_second = 1e6\nburst = 1000000\nmax_in_flight = 64\n',
            encoding="utf-8",
        )
        file.chmod(0o600)
        alone = gate_us(file, key.secret_text)
        print(f"gate alone, with rate and in-flight limits: {alone:.1f} us of CPU a call")
        differences, medians = over_the_wire(
            Path(directory), file, key.secret_text, arguments.rounds, arguments.calls
        )
    low, middle, high = statistics.quantiles(differences, n=4)
    print(f"Route without keys {medians[0]:.0f} us, with keys {medians[1]:.0f} us (median)")
    print(f"difference a round: median {middle:.0f} us, quartiles {low:.0f} to {high:.0f} us")
    return 0


def gate_us(file: Path, key: str, calls: int = 20_000) -> float:
    """Return the CPU microseconds of the gate for a call that may pass; the best of 5 runs."""
    gate = Gate(Callers(file, CallerLimits()))
    details = cast(
        "grpc.HandlerCallDetails",
        SimpleNamespace(
            method=_METHOD,
            invocation_metadata=(("user-agent", "bench"), ("authorization", f"Bearer {key}")),
        ),
    )

    async def nothing(_: grpc.HandlerCallDetails) -> Handler:
        return None

    async def guarded() -> None:
        await gate.intercept_service(nothing, details)

    async def unguarded() -> None:
        await nothing(details)

    async def timed(one_call: Any) -> float:
        loop = asyncio.get_running_loop()
        started = time.thread_time()
        for _ in range(calls):
            await loop.create_task(one_call())
        return (time.thread_time() - started) / calls * 1e6

    async def best() -> float:
        pairs = [(await timed(guarded), await timed(unguarded)) for _ in range(5)]
        return min(one for one, _ in pairs) - min(other for _, other in pairs)

    return asyncio.run(best())


def over_the_wire(
    directory: Path, file: Path, key: str, rounds: int, calls: int
) -> tuple[list[float], tuple[float, float]]:
    """Return the difference of medians of each round, and both overall medians, in us."""
    flags = ["--address", "127.0.0.1:0", "--store"]
    metadata = (("authorization", f"Bearer {key}"),)
    with (
        ServerProcess([*flags, str(directory / "a.sqlite3")]) as plain,
        ServerProcess([*flags, str(directory / "b.sqlite3"), "--api-keys", str(file)]) as guarded,
        grpc.insecure_channel(plain.address) as plain_channel,
        grpc.insecure_channel(guarded.address) as guarded_channel,
    ):
        stubs = (RouterServiceStub(plain_channel), RouterServiceStub(guarded_channel))
        medians: tuple[list[float], list[float]] = ([], [])
        for number in range(rounds + 1):
            for place in (0, 1) if number % 2 else (1, 0):
                times = []
                for _ in range(calls):
                    started = time.perf_counter()
                    # The plain server gets the same metadata: what differs is the gate.
                    stubs[place].Route(_REQUEST, metadata=metadata)
                    times.append((time.perf_counter() - started) * 1e6)
                if number:  # the first round warms up
                    medians[place].append(statistics.median(times))
    differences = [after - before for before, after in zip(*medians, strict=True)]
    return differences, (statistics.median(medians[0]), statistics.median(medians[1]))


if __name__ == "__main__":
    raise SystemExit(main())
