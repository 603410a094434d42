"""A server asked to stop and started again while clients call: is it in time, is anything lost."""

import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

from bench.hard.callers import Caller, ended, seen_by, started
from bench.hard.kills import free_port
from bench.hard.report import milliseconds
from router.cli.child import ServerProcess
from router.config import Config
from router.ledger.store import OutcomeStore

_WAIT_SECONDS = 60.0
_MOST_TRIES = 20  # a server alone is away until the next one has started


def stops(times: int, seed: int) -> dict[str, Any]:
    """Ask a server to stop by SIGTERM ``times`` times, each time while it is called."""
    generator = random.Random(seed)  # noqa: S311 - moments, no secret
    statuses: Counter[int] = Counter()
    seconds: list[float] = []
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory, "outcomes.sqlite3")
        flags = ["--address", f"127.0.0.1:{free_port()}", "--store", str(store)]
        server = ServerProcess(flags)
        callers = started(server.address, _MOST_TRIES)
        for stop in range(times):
            _until_all_are_served(callers)
            time.sleep(generator.uniform(0.2, 1.0))
            began = time.perf_counter()
            statuses[server.stop()] += 1
            seconds.append(time.perf_counter() - began)
            server = ServerProcess(flags)
            if (stop + 1) % max(times // 10, 1) == 0:
                print(f"{stop + 1} stops", file=sys.stderr, flush=True)
        ended(callers)
        statuses[server.stop()] += 1
        kept = {outcome.request_id for outcome in OutcomeStore(store)}
    return {
        "stops": times,
        **seen_by(callers, kept),
        "time to stop, ms": milliseconds(seconds),
        "stops beyond the grace time": sum(one > Config().grace_seconds + 1.0 for one in seconds),
        "stops with another status than 0": sum(n for code, n in statuses.items() if code),
    }


def _until_all_are_served(callers: list[Caller]) -> None:
    """Wait for callers that wait before they try again."""
    before = [one.calls for one in callers]
    end = time.monotonic() + _WAIT_SECONDS
    while any(one.calls <= count + 1 for one, count in zip(callers, before, strict=True)):
        if time.monotonic() > end:
            raise TimeoutError(f"not all callers were served within {_WAIT_SECONDS:g} s")
        time.sleep(0.02)
