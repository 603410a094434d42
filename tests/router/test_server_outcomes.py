"""RecordOutcome: an acknowledged outcome is on disk, once, as it was reported."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from router.config import Config
from router.ledger.store import OutcomeStore, RecordedOutcome
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

FULL = pb.RecordOutcomeRequest(
    decision_id="d-1",
    request_id="r-1",
    quality=0.0,
    input_token_count=0,
    output_token_count=250,
    latency_ms=812.5,
    deployment="claude-3-haiku",
)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "outcomes.sqlite3"


@pytest.fixture
def client(server_config: Config, store: Path) -> Iterator[RouterServiceStub]:
    with (
        RouterServer(replace(server_config, store=store)) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield RouterServiceStub(channel)


def test_an_outcome_of_a_decision_is_on_disk_when_it_is_acknowledged(
    client: RouterServiceStub, store: Path
) -> None:
    decision = client.Route(pb.RouteRequest(prompt="Hello")).decision_id
    request = pb.RecordOutcomeRequest(decision_id=decision, request_id="r", quality=1.0)
    assert client.RecordOutcome(request).duplicate is False
    assert list(OutcomeStore(store)) == [RecordedOutcome(decision, "r", quality=1.0)]


def test_zero_is_recorded_as_zero_and_nothing_as_nothing(
    client: RouterServiceStub, store: Path
) -> None:
    client.RecordOutcome(FULL)
    client.RecordOutcome(pb.RecordOutcomeRequest(decision_id="d-2", request_id="r-2"))
    assert list(OutcomeStore(store)) == [
        RecordedOutcome("d-1", "r-1", 0.0, 0, 250, 812.5, "claude-3-haiku"),
        RecordedOutcome("d-2", "r-2", None, None, None, None, ""),
    ]


def test_sending_the_same_outcome_again_changes_nothing(
    client: RouterServiceStub, store: Path
) -> None:
    assert [client.RecordOutcome(FULL).duplicate for _ in range(3)] == [False, True, True]
    assert len(list(OutcomeStore(store))) == 1


def test_another_outcome_under_a_used_request_id_already_exists(
    client: RouterServiceStub, store: Path
) -> None:
    client.RecordOutcome(FULL)
    with pytest.raises(grpc.RpcError) as caught:
        client.RecordOutcome(pb.RecordOutcomeRequest(decision_id="d-1", request_id="r-1"))
    assert caught.value.code() == grpc.StatusCode.ALREADY_EXISTS
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(caught.value).details[0].Unpack(info)
    assert (info.reason, dict(info.metadata)) == ("OUTCOME_CONFLICT", {"request_id": "r-1"})
    assert [outcome.output_tokens for outcome in OutcomeStore(store)] == [250]


def test_outcomes_are_kept_over_a_restart_of_the_server(server_config: Config, store: Path) -> None:
    for is_again in (False, True):
        with (
            RouterServer(replace(server_config, store=store)) as server,
            grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
        ):
            assert RouterServiceStub(channel).RecordOutcome(FULL).duplicate is is_again


def test_a_store_that_fails_is_reported_as_retryable(server_config: Config, store: Path) -> None:
    with (
        RouterServer(replace(server_config, store=store)) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        server._store._database.connection().execute("PRAGMA query_only = ON")
        with pytest.raises(grpc.RpcError) as caught:
            RouterServiceStub(channel).RecordOutcome(FULL)
    assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
    assert caught.value.details() == (
        f"{store}: the outcome was not recorded (attempt to write a readonly database); "
        "send it again"
    )
