"""Twice as many calls as the server can serve, out of step with its answers, and the time after.

Calls are due at random moments and go out whatever comes back, so that latency counts the wait that
a caller would see.
"""

import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bench.hard.report import milliseconds
from bench.hard.wire import Sample, WireClient
from bench.process import resident_bytes
from bench.texts import make_prompt
from router.cli.child import ServerProcess
from router.v1 import router_pb2 as pb

ROUTE = "/router.v1.RouterService/Route"
_CONNECTIONS = 4
_FIRST_RATE, _LAST_RATE = 200.0, 20_000.0
_SHORT_STEPS = 2
"""Steps in a row that were not served, after which offering more tells nothing."""
_QUIET_SHARE = 0.3


def overload(
    seconds: float, seed: int, times: float = 2.0, tokens: int = 100, waiting: int | None = None
) -> dict[str, Any]:
    """Measure what the server can serve, offer ``times`` as much, then a little.

    Args:
        seconds: Length of each part.
        seed: Of prompts and moments.
        times: Offered calls as a multiple of what was served at saturation.
        tokens: Length of the prompts.
        waiting: ``max_waiting_calls`` of the server; None for its default.
    """
    messages = route_messages(tokens, seed)
    with tempfile.TemporaryDirectory() as directory:
        flags = ["--address", "127.0.0.1:0", "--store", str(Path(directory, "outcomes.sqlite3"))]
        if waiting is not None:
            file = Path(directory, "router.toml")
            file.write_text(f"max_waiting_calls = {waiting}\n", encoding="utf-8")
            flags += ["--config", str(file)]
        with ServerProcess(flags) as server:
            capacity = saturation(server.address, messages, seconds / 2, seed + 1)
            before = resident_bytes(server.pid)
            over = offer(server.address, messages, times * capacity, seconds, seed + 2)
            after = offer(server.address, messages, _QUIET_SHARE * capacity, seconds, seed + 3)
            grown = resident_bytes(server.pid) - before
    accepted = took(over, "OK")
    shed = [sample.seconds for sample in over if sample.status != "OK"]
    return {
        "served at saturation, calls/s": round(capacity),
        "offered, calls/s": round(times * capacity),
        "accepted, calls/s": round(len(accepted) / seconds),
        "accepted, ms": milliseconds(accepted),
        "shed": len(shed),
        "shed, ms": milliseconds(shed),
        "shed, statuses": sorted({sample.status for sample in over} - {"OK"}),
        "first second after it, ms": milliseconds(took(after, "OK", until=1.0)),
        "after the first second, ms": milliseconds(took(after, "OK", since=1.0)),
        "not served after it": sum(sample.status != "OK" for sample in after),
        "resident memory grown, MB": round(grown / 1e6, 2),
    }


def saturation(address: str, messages: Sequence[bytes], seconds: float, seed: int) -> float:
    """Return the most calls a second that were served while offers grew step by step."""
    best, rate, short = 0.0, _FIRST_RATE, 0
    while rate < _LAST_RATE and short < _SHORT_STEPS:
        served = len(took(offer(address, messages, rate, seconds, seed), "OK")) / seconds
        best = max(best, served)
        short = short + 1 if served < 0.8 * rate else 0
        rate *= 1.4
    print(f"served at saturation: {best:.0f} calls/s", file=sys.stderr)
    return best


def route_messages(tokens: int, seed: int) -> list[bytes]:
    """Return serialized Route requests, each with another prompt."""
    generator = random.Random(seed)  # noqa: S311 - text, no secret
    return [
        pb.RouteRequest(prompt=make_prompt(generator, tokens)).SerializeToString()
        for _ in range(300)
    ]


def offer(
    address: str, messages: Sequence[bytes], rate: float, seconds: float, seed: int
) -> list[Sample]:
    """Offer calls of Route over fresh connections; return what became of each."""
    client = WireClient(address, _CONNECTIONS)
    try:
        return client.run(ROUTE, messages, rate=rate, seconds=seconds, seed=seed)
    finally:
        client.close()


def took(
    samples: Sequence[Sample], status: str, since: float = 0.0, until: float = float("inf")
) -> list[float]:
    """Return the seconds of calls that ended so and were due between two moments."""
    return [one.seconds for one in samples if one.status == status and since <= one.due < until]
