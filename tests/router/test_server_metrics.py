"""What a real server tells Prometheus of the calls it has had."""

import http.client
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from router.config import Config
from router.metrics.registry import Snapshot
from router.server.app import RouterServer
from router.server.counted import STAGES, TIMED_ONE_IN
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

HELLO = pb.RouteRequest(prompt="Hello there!")


@pytest.fixture
def server(server_config: Config, tmp_path: Path) -> Iterator[RouterServer]:
    config = replace(
        server_config, store=tmp_path / "outcomes.sqlite3", metrics_address="127.0.0.1:0"
    )
    with RouterServer(config) as running:
        yield running


@pytest.fixture
def stub(server: RouterServer) -> Iterator[RouterServiceStub]:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield RouterServiceStub(channel)


def got(server: RouterServer, path: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.metrics_port, timeout=5)
    connection.request("GET", path)
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def total(snapshot: Snapshot, name: str, *labels: str) -> float:
    """Sum a family over cells whose labels begin with these; of a histogram, how many values."""
    return sum(
        sum(values[:-1]) if len(values) > 1 else values[0]
        for cell, values in snapshot.get(name, {}).items()
        if cell[: len(labels)] == labels
    )


def test_decisions_are_counted_by_tier_reason_and_artifact(
    server: RouterServer, stub: RouterServiceStub
) -> None:
    answers = [stub.Route(HELLO) for _ in range(3)]
    batch = stub.RouteBatch(pb.RouteBatchRequest(requests=[HELLO, HELLO, pb.RouteRequest()]))
    assert batch.results[2].error.code
    snapshot = server.snapshot()
    reason = pb.DecisionReason.Name(answers[0].reason).removeprefix("DECISION_REASON_")
    labels = (answers[0].tier, reason, answers[0].artifact_version)
    assert snapshot["router_decisions_total"] == {labels: [5]}
    expected = sum(
        candidate.expected_cost_usd
        for candidate in answers[0].candidates
        if candidate.deployment == answers[0].deployment
    )
    cost = snapshot["router_expected_cost_usd_total"][labels[:1]][0]
    assert cost == pytest.approx(5 * expected)
    saving = snapshot["router_expected_saving_usd_total"][()][0]
    assert saving == pytest.approx(5 * answers[0].saving_usd)


def test_calls_are_counted_by_how_they_ended(server: RouterServer, stub: RouterServiceStub) -> None:
    stub.Route(HELLO)
    stub.ListTiers(pb.ListTiersRequest())
    for bad in (pb.RouteRequest(), pb.RouteRequest(prompt="x", denied_tiers=["none"])):
        with pytest.raises(grpc.RpcError):
            stub.Route(bad)
    snapshot = server.snapshot()
    assert total(snapshot, "router_calls_total", "Route", "OK") == 1
    assert total(snapshot, "router_calls_total", "Route", "INVALID_ARGUMENT") == 2
    assert total(snapshot, "router_call_seconds", "Route") == 3
    assert total(snapshot, "router_calls_total", "ListTiers", "OK") == 1
    assert total(snapshot, "router_errors_total", "INVALID_ARGUMENT") == 2


def test_why_candidates_fell_out_is_counted(server: RouterServer, stub: RouterServiceStub) -> None:
    answer = stub.Route(pb.RouteRequest(prompt="Hello", denied_tiers=["large"]))
    fell_out = sum(1 for candidate in answer.candidates if candidate.ineligible_reasons)
    counted = total(server.snapshot(), "router_ineligible_candidates_total", "TIER_DENIED")
    assert counted == fell_out > 0


def test_the_first_call_and_every_sixteenth_after_it_is_timed_stage_by_stage(
    server: RouterServer, stub: RouterServiceStub
) -> None:
    for _ in range(TIMED_ONE_IN + 1):
        stub.Route(HELLO)
    snapshot = server.snapshot()
    for stage in set(STAGES) - {"tokenize"}:  # the tiny artifact has no fused graph
        assert total(snapshot, "router_stage_seconds", stage) == 2, stage


def test_outcomes_and_audits_are_counted(server: RouterServer, stub: RouterServiceStub) -> None:
    for _ in range(2):
        stub.RecordOutcome(pb.RecordOutcomeRequest(decision_id="d", request_id="r"))
    with pytest.raises(grpc.RpcError):
        stub.RecordAudit(pb.RecordAuditRequest(decision_id="d", quality=1.0, top_quality=1.0))
    snapshot = server.snapshot()
    assert snapshot["router_outcomes_recorded_total"] == {("false",): [1], ("true",): [1]}
    assert total(snapshot, "router_queue_seconds", "disk") == 2
    assert total(snapshot, "router_calls_total", "RecordAudit", "NOT_FOUND") == 1
    assert snapshot["router_store_up"] == {(): [1]}


def test_the_endpoint_gives_what_prometheus_reads(
    server: RouterServer, stub: RouterServiceStub
) -> None:
    answer = stub.Route(HELLO)
    status, text = got(server, "/metrics")
    assert status == 200
    parser = pytest.importorskip("prometheus_client.parser")
    samples = [
        sample
        for family in parser.text_string_to_metric_families(text)
        for sample in family.samples
    ]
    by_name = {sample.name: sample for sample in samples}
    assert by_name["router_artifact_info"].labels == {"version": answer.artifact_version}
    assert by_name["router_catalog_info"].labels == {"version": answer.catalog_version}
    assert by_name["router_ready"].value == 1
    assert by_name["process_open_fds"].value > 3


def test_the_endpoint_says_whether_calls_are_taken(server: RouterServer) -> None:
    assert got(server, "/ready") == (200, "ready\n")
    server._counted.ready.value = 0
    assert got(server, "/ready") == (503, "not ready\n")
    assert got(server, "/")[0] == 404


def test_no_text_of_a_prompt_is_told(server: RouterServer, stub: RouterServiceStub) -> None:
    stub.Route(pb.RouteRequest(prompt="a most peculiar zanzibar", session_id="zanzibar"))
    assert "zanzibar" not in got(server, "/metrics")[1]


def test_calls_that_wait_too_many_are_turned_away_counted_and_harm_nobody(
    server_config: Config, tmp_path: Path
) -> None:
    config = replace(server_config, store=tmp_path / "outcomes.sqlite3", max_waiting_calls=4)
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = RouterServiceStub(channel)
        watch = health_pb2_grpc.HealthStub(channel).Watch(health_pb2.HealthCheckRequest())
        next(watch)
        futures = [stub.Route.future(HELLO) for _ in range(300)]
        codes = Counter(future.code() for future in futures)
        assert set(codes) == {grpc.StatusCode.OK, grpc.StatusCode.CANCELLED}
        assert stub.Route(HELLO).tier
        end = time.monotonic() + 20.0
        while total(snapshot := server.snapshot(), "router_calls_waiting"):
            assert time.monotonic() < end, "waited 20 seconds in vain"
            time.sleep(0.1)
        watch.cancel()
    assert total(snapshot, "router_calls_total", "Route") == codes[grpc.StatusCode.OK] + 1
    shed = total(snapshot, "router_sheds_total", "grpc_queue")
    # On a starved machine a call may be on its way to a handler for longer than two looks take.
    assert 0 <= shed - codes[grpc.StatusCode.CANCELLED] <= 2


def test_calls_above_the_limit_in_flight_are_told_when_to_try_again(
    server_config: Config, tmp_path: Path
) -> None:
    config = replace(server_config, store=tmp_path / "outcomes.sqlite3", max_concurrent_calls=1)
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        server._calls.count = 1
        with pytest.raises(grpc.RpcError) as caught:
            RouterServiceStub(channel).Route(HELLO)
        server._calls.count = 0
        snapshot = server.snapshot()
    assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
    status = rpc_status.from_call(caught.value)
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    assert (info.reason, retry.retry_delay.ToMilliseconds()) == ("OVERLOADED", 100)
    assert snapshot["router_sheds_total"][("concurrent_calls",)] == [1]
