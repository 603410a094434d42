"""Workers killed one after the other while clients call: who sees what, and is anything lost."""

import http.client
import os
import random
import signal
import socket
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from bench.hard.callers import ended, seen_by, started
from bench.process import children_of
from router.cli.child import ServerProcess
from router.ledger.store import OutcomeStore

_WAIT_SECONDS = 60.0


def kills(times: int, seed: int, workers: int = 2) -> dict[str, Any]:
    """Kill a worker ``times`` times, each time when all are up, under calls that are retried."""
    generator = random.Random(seed)  # noqa: S311 - moments, no secret
    with tempfile.TemporaryDirectory() as directory:
        store = Path(directory, "outcomes.sqlite3")
        port = free_port()
        flags = [
            "--address", "127.0.0.1:0", "--store", str(store), "--workers", str(workers),
            "--metrics-address", f"127.0.0.1:{port}",
        ]  # fmt: skip
        with ServerProcess(flags) as server:
            callers = started(server.address)
            killed: set[int] = set()
            for kill in range(times):
                members = _workers_when_all_are_up(server.pid, workers, port, killed)
                time.sleep(generator.uniform(0.2, 1.5))
                killed.add(member := generator.choice(members))
                os.kill(member, signal.SIGKILL)
                if (kill + 1) % max(times // 10, 1) == 0:
                    print(f"{kill + 1} kills", file=sys.stderr, flush=True)
            _workers_when_all_are_up(server.pid, workers, port, killed)
            time.sleep(1.0)
            ended(callers)
            status = server.stop()
        kept = {outcome.request_id for outcome in OutcomeStore(store)}
    return {
        "kills": times,
        **seen_by(callers, kept),
        "exit status": status,
    }


def _workers_when_all_are_up(
    control: int, workers: int, metrics_port: int, killed: set[int]
) -> list[int]:
    """Return the workers' process ids once each takes calls."""
    end = time.monotonic() + _WAIT_SECONDS
    while time.monotonic() < end:
        children = children_of(control)
        if (
            len(children) == workers
            and not killed.intersection(children)
            and _ready(metrics_port) == workers
        ):
            return children
        time.sleep(0.05)
    raise TimeoutError(f"not all {workers} workers were up within {_WAIT_SECONDS:g} s")


def _ready(metrics_port: int) -> int:
    connection = http.client.HTTPConnection("127.0.0.1", metrics_port, timeout=10)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return sum(
        line.endswith(" 1") for line in text.splitlines() if line.startswith("router_worker_up")
    )


def free_port() -> int:
    """Return a port that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
