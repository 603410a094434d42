"""Metrics over OTLP: a real server, a real collector, the same figures as Prometheus'."""

import http.client
import logging
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from otlp_collector import Collector, otlp_collector
from waiting import wait_until

from router.config import Config
from router.metrics import otlp_push
from router.metrics.families import FAMILIES
from router.metrics.otlp_push import OtlpPush
from router.metrics.registry import Registry, Snapshot
from router.metrics.text import to_text
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

pytest.importorskip("opentelemetry.exporter.otlp.proto.http.metric_exporter")
HELLO = pb.RouteRequest(prompt="a most peculiar zanzibar")
OF_THE_MOMENT = ("process_", "router_loop_lag", "router_calls_waiting")
"""What goes on by itself between two looks."""


@pytest.fixture
def collector() -> Iterator[Collector]:
    with otlp_collector() as running:
        yield running


@pytest.fixture
def config(
    server_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collector: Collector
) -> Config:
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url)
    monkeypatch.setenv("OTEL_EXPORTER_OTLP_TIMEOUT", "0.5")
    monkeypatch.setenv("OTEL_METRIC_EXPORT_INTERVAL", "20")
    return replace(
        server_config,
        store=tmp_path / "outcomes.sqlite3",
        metrics_address="127.0.0.1:0",
        otlp_metrics=True,
    )


def page(server: RouterServer) -> list[str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.metrics_port, timeout=5)
    connection.request("GET", "/metrics")
    text = connection.getresponse().read().decode()
    connection.close()
    return steady(text)


def steady(text: str) -> list[str]:
    return [
        line
        for line in text.splitlines()
        if not line.removeprefix("# HELP ").removeprefix("# TYPE ").startswith(OF_THE_MOMENT)
    ]


def called(config: Config, port: int) -> pb.RouteResponse:
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        stub = RouterServiceStub(channel)
        with pytest.raises(grpc.RpcError):
            stub.Route(pb.RouteRequest())
        stub.RecordOutcome(pb.RecordOutcomeRequest(decision_id="d", request_id="r"))
        return [stub.Route(HELLO) for _ in range(3)][-1]


def routes(snapshot: Snapshot) -> float:
    return snapshot["router_calls_total"].get(("Route", "OK"), [0])[0]


def test_the_collector_is_sent_what_the_page_tells(config: Config, collector: Collector) -> None:
    with RouterServer(config) as server:
        called(config, server.port)
        wait_until(lambda: bool(collector.requests) and routes(collector.snapshot()) == 3)
        wait_until(lambda: steady(to_text(collector.snapshot())) == page(server))
    assert collector.snapshot()["router_ready"] == {(): [0]}  # sent when it had stopped


def test_every_family_arrives_as_it_was_counted(config: Config, collector: Collector) -> None:
    registry = Registry()
    for number, family in enumerate(FAMILIES):
        for value in ("one", "other"):
            labels = [f"{value} {label}" for label in family.labels]
            if family.kind == "histogram":
                for added in (0.0, family.bounds[0], number / 10, 1e9):
                    registry.histogram(family, *labels).add(added)
            else:
                registry.cell(family, *labels).value = number / 8
    push = OtlpPush(registry.snapshot)
    push.begin()
    push.close()
    assert collector.snapshot() == registry.snapshot()


def test_a_snapshot_that_cannot_be_taken_is_told_and_does_not_end_the_sending(
    config: Config, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    def snapshot() -> Snapshot:
        if "not now" not in caplog.text:
            raise RuntimeError("not now")
        return {}

    push = OtlpPush(snapshot)
    push.begin()
    wait_until(lambda: bool(collector.requests))
    push.close()
    assert caplog.text.count("which is tried again: RuntimeError('not now')") == 1


def test_points_are_cumulative_and_say_since_when_what_and_of_whom(
    config: Config, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
    otlp_push.resource.cache_clear()
    with RouterServer(config) as server:
        answer = called(config, server.port)
        wait_until(lambda: len(collector.requests) > 1)
    otlp_push.resource.cache_clear()
    told = collector.resource()
    assert told["service.name"] == "llm-tier-router"
    assert told["deployment.environment.name"] == "test"
    assert told["service.instance.id"] != ""
    metrics = collector.metrics()
    decisions = metrics["llm_router.decisions"]
    assert (decisions.unit, decisions.description) == ("{decision}", "Decisions answered.")
    assert decisions.sum.is_monotonic
    (point,) = decisions.sum.data_points
    attributes = {item.key: item.value.string_value for item in point.attributes}
    assert attributes["llm_router.decision.tier"] == answer.tier
    cumulative = 2
    seconds = metrics["llm_router.call.duration"].histogram
    assert decisions.sum.aggregation_temporality == cumulative == seconds.aggregation_temporality
    for one in (point, *seconds.data_points):
        assert 0 < one.start_time_unix_nano < one.time_unix_nano
    assert not seconds.data_points[0].HasField("max")
    assert b"zanzibar" not in b"".join(sent.SerializeToString() for sent in collector.requests)


def test_what_was_counted_before_the_first_interval_is_sent_at_the_end(
    config: Config, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OTEL_METRIC_EXPORT_INTERVAL")
    with RouterServer(config) as server:
        called(config, server.port)
        assert collector.asked == 0
    assert collector.asked == 1
    assert routes(collector.snapshot()) == 3


def test_a_collector_that_fails_harms_no_call_and_is_told_once_an_outage(
    config: Config, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    collector.status = 400
    with RouterServer(config) as server:
        wait_until(lambda: collector.asked > 3)
        assert called(config, server.port).tier
        collector.status = 200
        wait_until(lambda: len(collector.requests) > 1)
        assert routes(collector.snapshot()) == 3
    told = [record.getMessage() for record in caplog.records if "OTLP" in record.getMessage()]
    assert [text.partition(",")[0] for text in told] == [
        "metrics are sent over OTLP every 0.02 s",
        "metrics cannot be sent over OTLP",
        "metrics are sent over OTLP again",
    ]
    assert "400" in told[1]
    assert not [record for record in caplog.records if record.name.startswith("opentelemetry")]


def test_a_server_without_a_collector_serves_and_stops(
    config: Config, collector: Collector, caplog: pytest.LogCaptureFixture
) -> None:
    collector.server.shutdown()
    collector.server.server_close()
    with RouterServer(config) as server:
        wait_until(lambda: "metrics cannot be sent over OTLP" in caplog.text)
        assert called(config, server.port).tier
    assert caplog.text.count("metrics cannot be sent") == 1


def test_opentelemetry_may_be_turned_off_by_its_own_variable(
    config: Config, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OTEL_SDK_DISABLED", "true")
    with RouterServer(config) as server:
        assert called(config, server.port).tier
    assert collector.asked == 0
