"""Clients that route and record all the time, each call tried again; and what they saw in the end.

What is done to the server meanwhile stands with each test: ``kills``, ``moves``, ``stops``.
"""

import threading
import time
from collections import Counter
from collections.abc import Collection
from typing import Any

import grpc

from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

_CALLERS = 4
_MOST_TRIES = 8
RETRYABLE = frozenset({"UNAVAILABLE", "CANCELLED", "RESOURCE_EXHAUSTED"})


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


def started(address: str, most_tries: int = _MOST_TRIES) -> list[Caller]:
    """Return callers of a server that have begun."""
    callers = [Caller(address, number, most_tries) for number in range(_CALLERS)]
    for one in callers:
        one.start()
    return callers


def ended(callers: Collection[Caller]) -> None:
    """Let callers finish the call that each is in."""
    for one in callers:
        one.is_over.set()
    for one in callers:
        one.join()


def seen_by(callers: Collection[Caller], kept: Collection[str]) -> dict[str, Any]:
    """Return what callers saw, for a report.

    Args:
        callers: That have ended.
        kept: Ids of the outcomes that are on disk.
    """
    acknowledged = set[str]().union(*(one.acknowledged for one in callers))
    errors = sum((one.errors for one in callers), Counter[str]())
    return {
        "calls": sum(one.calls for one in callers),
        "errors before a retry": dict(errors),
        "of these not retryable": sum(n for code, n in errors.items() if code not in RETRYABLE),
        "calls that failed after retries": sum(one.failed for one in callers),
        "outcomes acknowledged": len(acknowledged),
        "acknowledged and lost": len(acknowledged.difference(kept)),
    }
