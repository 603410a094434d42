"""Workers killed one after the other while clients call: who sees what, and is anything lost."""

import http.client
import os
import random
import signal
import socket
import sys
import tempfile
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

import grpc

from bench.process import children_of
from router.cli.child import ServerProcess
from router.ledger.store import OutcomeStore
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

_CALLERS = 4
_MOST_TRIES = 8
_WAIT_SECONDS = 60.0
RETRYABLE = frozenset({"UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"})


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
            callers = [Caller(server.address, number) for number in range(_CALLERS)]
            for one in callers:
                one.start()
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
            for one in callers:
                one.is_over.set()
            for one in callers:
                one.join()
            status = server.stop()
        kept = {outcome.request_id for outcome in OutcomeStore(store)}
    acknowledged = set().union(*(one.acknowledged for one in callers))
    errors = sum((one.errors for one in callers), Counter[str]())
    return {
        "kills": times,
        "calls": sum(one.calls for one in callers),
        "errors before a retry": dict(errors),
        "of these not retryable": sum(n for code, n in errors.items() if code not in RETRYABLE),
        "calls that failed after retries": sum(one.failed for one in callers),
        "outcomes acknowledged": len(acknowledged),
        "acknowledged and lost": len(acknowledged - kept),
        "exit status": status,
    }


class Caller(threading.Thread):
    """Routes and records until it is over; each call is tried again on a retryable error.

    Args:
        address: Of the server.
        number: Of the caller.
        most_tries: Of one call; pauses double from 0.05 s to at most 6.4 s.
    """

    def __init__(self, address: str, number: int, most_tries: int = _MOST_TRIES) -> None:
        super().__init__(daemon=True)
        self.calls, self.failed = 0, 0
        self.errors: Counter[str] = Counter()
        self.acknowledged: set[str] = set()
        self.is_over = threading.Event()
        self._number = number
        self._most_tries = most_tries
        options = (("grpc.use_local_subchannel_pool", 1), ("grpc.max_reconnect_backoff_ms", 500))
        self._stub = RouterServiceStub(grpc.insecure_channel(address, options=options))

    def run(self) -> None:
        """Call until it is over."""
        while not self.is_over.is_set():
            request = pb.RouteRequest(prompt=f"Question {self.calls} of {self._number}")
            self._tried(self._stub.Route, request)
            name = f"{self._number}-{self.calls}"
            outcome = pb.RecordOutcomeRequest(decision_id="d", request_id=name, quality=0.5)
            if self._tried(self._stub.RecordOutcome, outcome):
                self.acknowledged.add(name)

    def _tried(self, method: Any, request: Any) -> bool:
        self.calls += 1
        for attempt in range(self._most_tries):
            try:
                method(request, timeout=10.0)
            except grpc.RpcError as error:
                code = error.code().name
                self.errors[code] += 1
                if code not in RETRYABLE:
                    break
                time.sleep(0.05 * 2 ** min(attempt, _MOST_TRIES - 1))
            else:
                return True
        self.failed += 1
        return False


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
