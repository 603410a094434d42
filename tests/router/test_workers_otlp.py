"""Several workers over OTLP: the control process sends one sum that never falls."""

import os
import signal
from functools import partial
from pathlib import Path

import grpc
import pytest
import waiting
from otlp_collector import otlp_collector

from bench.process import children_of
from router.cli.child import ServerProcess
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

pytest.importorskip("opentelemetry.exporter.otlp.proto.http.metric_exporter")
wait_until = partial(waiting.wait_until, seconds=40.0)
COUNT = 8


def call(address: str) -> None:
    """Make calls on connections of their own, which fall to either worker by chance."""
    for _ in range(COUNT):
        options = [("grpc.use_local_subchannel_pool", 1)]
        with grpc.insecure_channel(address, options) as channel:
            request = pb.RouteRequest(prompt="Name a fruit.")
            RouterServiceStub(channel).Route(request, timeout=20.0, wait_for_ready=True)


def test_workers_are_sent_as_one_sum_with_those_that_were_killed_and_up_to_the_last_call(
    tiny_artifact: Path, catalog_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flags = [
        "--address", "127.0.0.1:0", "--artifact", str(tiny_artifact),
        "--catalog", str(catalog_file), "--store", str(tmp_path / "outcomes.sqlite3"),
        "--workers", "2",
    ]  # fmt: skip
    with otlp_collector() as collector:
        monkeypatch.setenv("ROUTER_OTLP_METRICS", "true")
        monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
        monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "100")

        def calls() -> float:
            told = collector.snapshot() if collector.requests else {}
            cells = told.get("router_calls_total", {})
            return cells.get(("Route", "OK"), [0])[0]

        with ServerProcess(flags) as server:
            call(server.address)
            wait_until(lambda: calls() == COUNT)
            killed = children_of(server.pid)[0]
            os.kill(killed, signal.SIGKILL)
            wait_until(lambda: killed not in children_of(server.pid))
            call(server.address)
        assert calls() == 2 * COUNT
        snapshot = collector.snapshot()
        assert sum(values[0] for values in snapshot["router_worker_restarts_total"].values()) == 1
        assert snapshot["router_workers"] == {(): [2]}
        who = {sent.resource_metrics[0].resource.SerializeToString() for sent in collector.requests}
        assert len(who) == 1
