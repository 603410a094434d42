"""Load for a long time: does memory grow, are descriptors kept, does latency drift."""

import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import grpc
import numpy as np

from bench.hard.overload import offer, route_messages, saturation, took
from bench.hard.report import milliseconds
from bench.process import open_descriptors, resident_bytes
from router.cli.child import ServerProcess
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

_WINDOW_SECONDS = 10.0
_SATURATION_SECONDS = 3.0
_WARM_SHARE = 0.25
_OTHER_CALLS = 50


def soak(minutes: float, seed: int, share: float = 0.7) -> dict[str, Any]:
    """Put ``share`` of what can be served on a server for ``minutes``, in windows of ten seconds.

    Each window is Route at random moments, then some batches, outcomes and bad requests. Slopes
    leave out the first quarter, in which memories of words fill.
    """
    messages = route_messages(100, seed)
    with tempfile.TemporaryDirectory() as directory:
        flags = ["--address", "127.0.0.1:0", "--store", str(Path(directory, "outcomes.sqlite3"))]
        with ServerProcess(flags) as server:
            rate = share * saturation(server.address, messages, _SATURATION_SECONDS, seed)
            ended: Counter[str] = Counter()
            rows: list[tuple[float, float, float, float]] = []
            began = time.monotonic()
            while (now := time.monotonic() - began) < minutes * 60:
                window = len(rows)
                calls = offer(server.address, messages, rate, _WINDOW_SECONDS, seed + 10 + window)
                ended.update(call.status for call in calls)
                _other_calls(server.address, window)
                latency = milliseconds(took(calls, "OK"))
                descriptors = open_descriptors(server.pid)
                resident = resident_bytes(server.pid) / 1e6
                rows.append((now / 60, resident, descriptors, latency["p99"]))
                print(
                    f"{now / 60:.1f} min: {resident:.1f} MB, {descriptors} descriptors, "
                    f"p99 {latency['p99']} ms",
                    file=sys.stderr,
                    flush=True,
                )
    steady = rows[int(len(rows) * _WARM_SHARE) :]
    return {
        "offered, calls/s": round(rate),
        "ended": dict(ended),
        "windows": len(rows),
        "resident memory, MB, first and last": [round(rows[0][1], 1), round(rows[-1][1], 1)],
        "memory slope, MB an hour": _slope(steady, 1),
        "descriptors, least and most": [min(row[2] for row in rows), max(row[2] for row in rows)],
        "descriptor slope, an hour": _slope(steady, 2),
        "p99 by window, ms, least and most": [
            min(row[3] for row in steady), max(row[3] for row in steady),
        ],
        "p99 slope, ms an hour": _slope(steady, 3),
    }  # fmt: skip


def _slope(rows: Sequence[tuple[float, ...]], column: int) -> float | None:
    """Return the least-squares slope of a column over time, an hour."""
    if len(rows) < 3:
        return None
    minutes = [row[0] for row in rows]
    slope, _ = np.polyfit(minutes, [row[column] for row in rows], 1)
    return round(float(slope) * 60, 3)


def _other_calls(address: str, window: int) -> None:
    with grpc.insecure_channel(address) as channel:
        stub = RouterServiceStub(channel)
        batch = pb.RouteBatchRequest(
            requests=[pb.RouteRequest(prompt=f"Question {n}?") for n in range(64)]
        )
        for number in range(_OTHER_CALLS):
            name = f"{window}-{number}"
            stub.RecordOutcome(pb.RecordOutcomeRequest(decision_id="d", request_id=name))
            try:
                stub.Route(pb.RouteRequest())
            except grpc.RpcError as error:
                if error.code() != grpc.StatusCode.INVALID_ARGUMENT:
                    raise
        stub.RouteBatch(batch)
