"""Start, health, limits, draining and stop of the server."""

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.protobuf.descriptor import MethodDescriptor
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from waiting import wait_until

from router.config import Config
from router.metrics.registry import Histogram
from router.server.app import RouterServer
from router.server.in_flight import CallsInFlight
from router.server.loop import run
from router.server.service import SERVICE, on_loop
from router.server.threads import Threads
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
HELLO = pb.RouteRequest(prompt="Hello there!")
METHODS = [
    method
    for method in pb.DESCRIPTOR.services_by_name["RouterService"].methods
    if not method.client_streaming  # test_server_stream has its own
]
NAMES = ["", SERVICE, "liveness", "readiness"]


@pytest.fixture
def config(server_config: Config, tmp_path: Path) -> Config:
    return replace(server_config, store=tmp_path / "outcomes.sqlite3", grace_seconds=3.0)


@contextmanager
def connected(server: RouterServer) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        yield channel


@contextmanager
def locked(store: Path) -> Iterator[sqlite3.Connection]:
    """Hold the store's write lock, so that RecordOutcome waits inside the server."""
    connection = sqlite3.connect(store, isolation_level=None, check_same_thread=False)
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield connection
    finally:
        connection.close()


def calls_in_flight(server: RouterServer) -> int:
    return server.calls_in_flight


def is_refused(stub: RouterServiceStub) -> bool:
    try:
        # A call that arrives while the door closes may get no answer at all before the grace ends.
        stub.Route(HELLO, timeout=1.0)
    except grpc.RpcError as error:
        # CANCELLED is what a call gets that arrived while the door was closing.
        return error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED}
    return False


def code_of(call: Callable[[], object]) -> grpc.StatusCode:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    return caught.value.code()


@pytest.mark.parametrize("name", NAMES)
def test_health_knows_liveness_readiness_and_the_service(channel: grpc.Channel, name: str) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    assert health.Check(health_pb2.HealthCheckRequest(service=name)).status == SERVING


def test_health_of_an_unknown_name_is_not_found(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    request = health_pb2.HealthCheckRequest(service="router.v1.Other")
    assert code_of(lambda: health.Check(request)) == grpc.StatusCode.NOT_FOUND


def test_while_draining_only_liveness_stays_serving(config: Config) -> None:
    server = RouterServer(replace(config, grace_seconds=0.5))
    with connected(server) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        watches = {
            name: health.Watch(health_pb2.HealthCheckRequest(service=name)) for name in NAMES
        }
        assert {next(watch).status for watch in watches.values()} == {SERVING}
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        for name in ("", SERVICE, "readiness"):
            assert next(watches[name]).status == NOT_SERVING
        # Liveness was never called off: the stream just ends with the server.
        assert code_of(lambda: next(watches["liveness"])) is not None
        stopping.join(timeout=5.0)
        assert not stopping.is_alive()


def test_reflection_is_off_unless_asked_for(config: Config, channel: grpc.Channel) -> None:
    request = reflection_pb2.ServerReflectionRequest(list_services="")
    off = reflection_pb2_grpc.ServerReflectionStub(channel)
    call = off.ServerReflectionInfo(iter([request]))
    assert code_of(lambda: next(call)) == grpc.StatusCode.UNIMPLEMENTED
    with RouterServer(replace(config, reflection=True)) as server, connected(server) as other:
        on = reflection_pb2_grpc.ServerReflectionStub(other)
        (answer,) = on.ServerReflectionInfo(iter([request]))
    names = {service.name for service in answer.list_services_response.service}
    assert {SERVICE, "grpc.health.v1.Health"} <= names


def test_stopping_lets_a_running_call_end_and_refuses_new_ones(config: Config) -> None:
    server = RouterServer(replace(config, grace_seconds=60.0))
    with connected(server) as channel, locked(config.store) as lock:
        stub = RouterServiceStub(channel)
        running = stub.RecordOutcome.future(
            pb.RecordOutcomeRequest(decision_id="d", request_id="r")
        )
        wait_until(lambda: calls_in_flight(server) == 1)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        wait_until(lambda: is_refused(stub))
        assert not running.done()
        lock.execute("COMMIT")
        assert running.result(timeout=20.0) == pb.RecordOutcomeResponse(duplicate=False)
        stopping.join(timeout=20.0)
        assert not stopping.is_alive()


def test_a_call_that_outlasts_the_grace_time_is_ended(config: Config) -> None:
    server = RouterServer(replace(config, grace_seconds=0.1))
    with connected(server) as channel, locked(config.store) as lock:
        stub = RouterServiceStub(channel)
        running = stub.RecordOutcome.future(
            pb.RecordOutcomeRequest(decision_id="d", request_id="r")
        )
        wait_until(lambda: calls_in_flight(server) == 1)
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert code_of(lambda: running.result(timeout=5.0)) in {
            grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED,
        }  # fmt: skip
        lock.execute("COMMIT")
        stopping.join(timeout=5.0)
        assert not stopping.is_alive()


def test_stopping_an_idle_server_takes_no_grace_time(config: Config) -> None:
    server = RouterServer(replace(config, grace_seconds=60.0))
    begin = time.monotonic()
    server.stop()
    assert time.monotonic() - begin < 30.0


def test_calls_above_the_concurrency_limit_are_turned_away(config: Config) -> None:
    limited = replace(config, max_concurrent_calls=1)
    with RouterServer(limited) as server, connected(server) as channel:
        stub = RouterServiceStub(channel)
        with locked(config.store) as lock:
            outcome = pb.RecordOutcomeRequest(decision_id="d", request_id="r")
            running = stub.RecordOutcome.future(outcome)
            wait_until(lambda: calls_in_flight(server) == 1)
            assert code_of(lambda: stub.Route(HELLO)) == grpc.StatusCode.RESOURCE_EXHAUSTED
            lock.execute("COMMIT")
        assert running.result(timeout=5.0) == pb.RecordOutcomeResponse()
        wait_until(lambda: calls_in_flight(server) == 0)
        assert stub.Route(HELLO).tier


def test_a_batch_whose_deadline_passes_in_the_queue_fails_and_others_are_served(
    config: Config,
) -> None:
    narrow = replace(config, threads=1)
    batch = pb.RouteBatchRequest(requests=[HELLO])
    with RouterServer(narrow) as server, connected(server) as channel:
        stub = RouterServiceStub(channel)
        with locked(config.store) as lock:
            report = pb.RecordAuditRequest(decision_id="d", quality=1.0, top_quality=1.0)
            running = stub.RecordAudit.future(report)
            wait_until(lambda: calls_in_flight(server) == 1)
            late = stub.RouteBatch.future(batch, timeout=0.05)
            assert code_of(late.result) == grpc.StatusCode.DEADLINE_EXCEEDED
            assert stub.Route(HELLO, timeout=5.0).tier  # waits for no thread
            lock.execute("COMMIT")
        assert code_of(lambda: running.result(timeout=5.0)) == grpc.StatusCode.NOT_FOUND
        assert stub.RouteBatch(batch, timeout=5.0).results[0].response.tier


def test_no_work_is_done_for_a_call_whose_time_is_over() -> None:
    class EndedCall:
        def time_remaining(self) -> float:
            return 0.0

        async def abort(self, code: grpc.StatusCode, text: str) -> None:
            raise grpc.aio.AbortError(code.name, text)

    asked: list[pb.RouteRequest] = []
    threads = Threads(1, 1, Histogram((1.0,)))
    handler = on_loop(asked.append, pb.RouteRequest.FromString, CallsInFlight(), threads)
    with pytest.raises(grpc.aio.AbortError, match="DEADLINE_EXCEEDED"):
        run(handler(HELLO.SerializeToString(), EndedCall()))
    assert asked == []


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_every_method_of_the_contract_is_served(
    channel: grpc.Channel, method: MethodDescriptor
) -> None:
    call = channel.unary_unary(f"/{SERVICE}/{method.name}")
    assert code_of(lambda: call(b"\xff", timeout=5.0)) == grpc.StatusCode.INVALID_ARGUMENT


def test_many_callers_at_once_all_get_their_own_answer(stub: RouterServiceStub) -> None:
    requests = [
        pb.RouteRequest(prompt=f"Question {n}: " + "why? " * n, request_id=str(n))
        for n in range(200)
    ]
    futures = [stub.Route.future(request) for request in requests]
    answers = [future.result(timeout=20.0) for future in futures]
    assert [answer.request_id for answer in answers] == [str(n) for n in range(200)]
    assert len({answer.decision_id for answer in answers}) == 200


def test_during_the_drain_delay_health_says_no_and_calls_are_still_taken(config: Config) -> None:
    server = RouterServer(replace(config, drain_delay_seconds=1.0))
    with connected(server) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        watch = health.Watch(health_pb2.HealthCheckRequest(service="readiness"))
        assert next(watch).status == SERVING
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        assert next(watch).status == NOT_SERVING
        assert RouterServiceStub(channel).Route(HELLO, timeout=5.0).tier
        stopping.join(timeout=20.0)
        assert not stopping.is_alive()
    assert server.snapshot()["router_ready"] == {(): [0]}
