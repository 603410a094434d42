"""How many calls wait inside gRPC before we see them, and how many it has turned away there.

gRPC's core takes calls off the wire at once and hands them over one by one. What waits in between
has a limit (``max_waiting_calls``); above it the core itself answers, at almost no cost, and no
handler of ours ever learns of the call. The core's own statistics, channelz, know of both.
"""

import json
import time
from typing import Any

import grpc

# What the package grpcio-channelz calls; it has no public name and no types.
from grpc._cython import cygrpc  # type: ignore[attr-defined]

from router.metrics import families
from router.metrics.registry import Registry

OPTION = ("grpc.enable_channelz", 1)
_APART_SECONDS = 0.05
"""Looks closer to each other than this see the same standstill of the loop."""


class CallsTaken(grpc.GenericRpcHandler):
    """Counts every call that reaches us, of any service; to be the first of a server's handlers."""

    def __init__(self) -> None:
        self.count = 0

    def service(self, handler_call_details: Any) -> None:
        """Count, and leave the call to the next handler."""
        self.count += 1


def through_handlers(server: grpc.aio.Server) -> Any:
    """Return a server to add services to, whose methods are looked up in its handlers only.

    Generated code also registers each method by name, where ``CallsTaken`` would not see it.
    """
    return _ThroughHandlers(server)


class _ThroughHandlers:
    def __init__(self, server: grpc.aio.Server) -> None:
        self.add_generic_rpc_handlers = server.add_generic_rpc_handlers

    def add_registered_method_handlers(self, *_: Any) -> None:
        """Leave it."""


def server_ids() -> set[int]:
    """Return the ids of all servers of this process that have ``OPTION``."""
    return {
        int(server["ref"]["serverId"])
        for server in json.loads(cygrpc.channelz_get_servers(0)).get("server", [])
    }


class Backlog:
    """Waiting and refused calls of one server. Belongs to the loop's thread.

    The core tells how many calls have begun. Those that have not reached us either wait or were
    refused. None waits when as many are absent at two looks and at both nothing was being served;
    until then up to ``capacity`` may wait, and the count of those refused may be too low by that.

    Args:
        server_id: The one that appeared when the server was made.
        taken: Counts what reaches us.
        capacity: Most calls that wait in the core.
        registry: Where both are told.
    """

    def __init__(
        self, server_id: int, taken: CallsTaken, capacity: int, registry: Registry
    ) -> None:
        self._server_id = server_id
        self._taken = taken
        self._capacity = capacity
        self._waiting = registry.cell(families.WAITING)
        self._refused = registry.cell(families.SHEDS, "grpc_queue")
        self._looked = time.monotonic()
        self._seen: int | None = None  # calls absent at the last look, if nothing was served then

    def look(self, watching: int) -> None:
        """Bring the numbers up to date; takes some 0.2 ms.

        Args:
            watching: Calls that last and are no work.
        """
        try:
            data = json.loads(cygrpc.channelz_get_server(self._server_id))["server"]["data"]
        except ValueError:  # the server has stopped; the last numbers stand
            return
        begun, taken, now = int(data["callsStarted"]), self._taken.count, time.monotonic()
        ended = int(data["callsSucceeded"]) + int(data["callsFailed"])
        absent = max(begun - taken, 0)
        if now - self._looked >= _APART_SECONDS:
            seen = absent if taken - ended == watching else None
            if seen is not None and seen == self._seen:
                self._refused.value = max(self._refused.value, absent)
            self._looked, self._seen = now, seen
        self._refused.value = max(self._refused.value, absent - self._capacity)
        self._waiting.value = max(absent - self._refused.value, 0)
