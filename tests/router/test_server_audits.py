"""Contracts in use on a real server: drawn, reported, suspended, kept over a restart, recovered."""

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status
from tiny_artifact import COUNTS, calibrated, copy_artifact

from router.cli.main import main
from router.config import Config
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
GOAL = pb.Goal(contract=pb.Contract(max_loss_rate=0.05))
ASKED = pb.RouteRequest(prompt="Name a fruit.", goal=GOAL)
ABSENT = pb.RouteRequest(prompt="Name a fruit.", goal=GOAL, denied_tiers=["large"])
FREE = pb.RouteRequest(prompt="Name a fruit.")
OTHER_LABELS = replace(COUNTS, n=1200)


@pytest.fixture
def config(server_config: Config, tiny_artifact: Path, tmp_path: Path) -> Config:
    return replace(
        server_config,
        artifact=calibrated(copy_artifact(tiny_artifact, tmp_path / "artifact")),
        store=tmp_path / "outcomes.sqlite3",
        audit_share=1.0,
    )


class Client:
    def __init__(self, port: int, channel: grpc.Channel) -> None:
        self.address = f"127.0.0.1:{port}"
        self.stub = RouterServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)

    def health(self, name: str) -> int:
        return self._health.Check(health_pb2.HealthCheckRequest(service=name)).status

    def report(self, decision: str, quality: float = 0.0) -> pb.RecordAuditResponse:
        return self.stub.RecordAudit(
            pb.RecordAuditRequest(decision_id=decision, quality=quality, top_quality=1.0)
        )

    def promise(self) -> pb.GetPromiseResponse:
        return self.stub.GetPromise(pb.GetPromiseRequest())

    def break_contract(self) -> int:
        """Report losses until the contract is suspended; return how many it took."""
        for count in range(1, 100):
            if self.report(self.stub.Route(ASKED).decision_id).contract.suspended:
                return count
        raise AssertionError("100 losses in a row did not break the contract")


@contextmanager
def running(config: Config) -> Iterator[Client]:
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield Client(server.port, channel)


def reason_of(call: Callable[[], object]) -> tuple[str, str]:
    with pytest.raises(grpc.RpcError) as caught:
        call()
    info = error_details_pb2.ErrorInfo()
    rpc_status.from_call(caught.value).details[0].Unpack(info)
    return caught.value.code().name, info.reason


def rows(store: Path, query: str) -> list[tuple]:
    connection = sqlite3.connect(store)
    found = connection.execute(query).fetchall()
    connection.close()
    return found


def test_a_drawn_decision_names_the_second_deployment_and_is_written_before_it_is_answered(
    config: Config,
):
    with running(config) as client:
        answer = client.stub.Route(ASKED)
        assert answer.tier == "small"
        assert answer.audit == pb.Audit(
            deployment="claude-3-5-sonnet", tier="large", probability=1.0
        )
        assert rows(config.store, "SELECT decision_id, tier, top_tier, loss FROM audit") == [
            (answer.decision_id, "small", "large", None)
        ]


def test_a_request_of_the_top_tier_is_reported_by_itself(config: Config):
    with running(config) as client:
        answer = client.stub.Route(
            pb.RouteRequest(prompt="Name a fruit.", goal=GOAL, allowed_tiers=["large"])
        )
        assert (answer.tier, answer.HasField("audit")) == ("large", False)
        (contract,) = client.promise().contracts
        assert (contract.audit_count, contract.known_audit_count) == (1, 1)
        assert reason_of(lambda: client.report(answer.decision_id)) == (
            "ALREADY_EXISTS",
            "AUDIT_CONFLICT",
        )


@pytest.mark.parametrize("request_", [FREE, ABSENT], ids=["no contract", "no top tier"])
def test_a_request_that_no_contract_can_be_held_to_takes_no_part(config: Config, request_):
    with running(config) as client:
        assert not client.stub.Route(request_).HasField("audit")
        assert list(client.promise().contracts) == []


def test_with_a_share_of_0_nothing_is_drawn_and_with_one_half_about_half(config: Config):
    with running(replace(config, audit_share=0.0)) as client:
        batch = pb.RouteBatchRequest(requests=[ASKED] * 50)
        results = client.stub.RouteBatch(batch).results
        assert not any(one.response.HasField("audit") for one in results)
    with running(replace(config, audit_share=0.5)) as client:
        batch = pb.RouteBatchRequest(requests=[ASKED] * 500)
        results = client.stub.RouteBatch(batch).results
        drawn = {x.response.decision_id for x in results if x.response.HasField("audit")}
        assert 150 < len(drawn) < 350  # nine standard deviations
        assert {x.response.audit.probability for x in results} == {0.0, 0.5}
        assert drawn == {name for (name,) in rows(config.store, "SELECT decision_id FROM audit")}
        assert client.promise().contracts[0].audit_count == len(drawn)


def test_reports_are_idempotent_and_the_answer_says_how_the_contract_stands(config: Config):
    with running(config) as client:
        first, second = (client.stub.Route(ASKED).decision_id for _ in range(2))
        said = client.report(first, quality=0.9)
        assert (said.duplicate, said.lost, said.contract.suspended) == (False, False, False)
        assert client.report(first, quality=0.9).duplicate
        assert client.report(second, quality=0.2).lost
        (contract,) = client.promise().contracts
        assert (contract.audit_count, contract.lost_audit_count) == (2, 1)
        assert contract.evidence > 1
        assert reason_of(lambda: client.report(first, quality=0.1))[1] == "AUDIT_CONFLICT"


def test_a_broken_contract_goes_strong_and_says_so_in_health_reason_and_terms(config: Config):
    with running(config) as client:
        assert client.health("promise") == SERVING
        took = client.break_contract()
        assert 2 <= took <= 20
        assert client.health("promise") == NOT_SERVING
        assert {client.health(name) for name in ("liveness", "readiness", "")} == {SERVING}
        answer = client.stub.Route(ASKED)
        assert answer.tier == "large"
        assert answer.reason == pb.DECISION_REASON_CONTRACT_SUSPENDED
        assert not answer.contract_terms.HasField("threshold")
        assert not answer.HasField("audit")
        # Other contracts and other goals are not touched.
        looser = pb.Goal(contract=pb.Contract(max_loss_rate=0.2))
        assert client.stub.Route(pb.RouteRequest(prompt="Hi", goal=looser)).tier == "small"
        assert client.stub.Route(FREE).reason == pb.DECISION_REASON_BEST_TRADE_OFF
        (strict, _) = client.promise().contracts
        assert strict.suspended
        assert strict.evidence >= 10
        assert 0.05 <= strict.loss_rate_lower_bound < 1
        assert strict.suspended_at.ToSeconds() >= strict.started.ToSeconds() > 0


def test_a_suspension_and_its_evidence_survive_a_restart_and_end_with_a_new_calibration(
    config: Config, tiny_artifact: Path, tmp_path: Path
):
    with running(config) as client:
        client.break_contract()
        before = client.promise()
    with running(replace(config, audit_share=0.0)) as client:
        assert client.promise().contracts == before.contracts
        assert client.health("promise") == NOT_SERVING
        assert client.stub.Route(ASKED).tier == "large"
    again = calibrated(copy_artifact(tiny_artifact, tmp_path / "again"), OTHER_LABELS)
    with running(replace(config, artifact=again)) as client:
        assert client.health("promise") == SERVING
        assert client.promise().calibration != before.calibration
        assert list(client.promise().contracts) == []
        assert client.stub.Route(ASKED).tier == "small"


def test_a_watch_goes_on_after_a_restart_where_it_stood(config: Config):
    with running(config) as client:
        client.report(client.stub.Route(ASKED).decision_id)
        waiting = client.stub.Route(ASKED).decision_id
        (before,) = client.promise().contracts
    with running(config) as client:
        assert list(client.promise().contracts) == [before]
        after = client.report(waiting).contract
        assert after.lost_audit_count == 2
        assert after.evidence > before.evidence


def test_an_audit_of_an_earlier_calibration_is_kept_and_leaves_the_new_one_alone(
    config: Config, tiny_artifact: Path, tmp_path: Path
):
    with running(config) as client:
        waiting = [client.stub.Route(ASKED).decision_id for _ in range(20)]
    again = calibrated(copy_artifact(tiny_artifact, tmp_path / "again"), OTHER_LABELS)
    with running(replace(config, artifact=again)) as client:
        assert client.report(waiting[0]).lost
        assert any(client.report(one).contract.suspended for one in waiting[1:])
        assert client.health("promise") == SERVING
        assert client.stub.Route(ASKED).tier == "small"


def test_an_audit_that_cannot_be_written_is_not_asked_for_and_is_counted(config: Config):
    with running(config) as client:
        lock = sqlite3.connect(config.store, isolation_level=None)
        lock.execute("BEGIN IMMEDIATE")
        answer = client.stub.Route(ASKED)
        lock.close()
        assert (answer.tier, answer.HasField("audit")) == ("small", False)
        assert client.promise().missed_audit_count == 1
        assert reason_of(lambda: client.report(answer.decision_id))[1] == "AUDIT_UNKNOWN"


def test_two_servers_on_one_store_suspend_together_at_their_next_draw(config: Config):
    with running(config) as one, running(config) as other:
        one.break_contract()
        other.stub.Route(ASKED)  # its draw finds the contract suspended
        assert other.health("promise") == NOT_SERVING
        assert other.stub.Route(ASKED).reason == pb.DECISION_REASON_CONTRACT_SUSPENDED


def test_exploration_under_a_contract_is_audited_as_what_was_taken(config: Config):
    with running(replace(config, exploration_share=1.0)) as client:
        batch = pb.RouteBatchRequest(requests=[ASKED] * 60)
        answers = [one.response for one in client.stub.RouteBatch(batch).results]
        assert {one.tier for one in answers} == {"small", "medium", "large"}
        for one in answers:
            assert one.HasField("audit") == (one.tier != "large")
            assert one.contract_terms.HasField("threshold")
        assert {one.reason for one in answers} == {
            pb.DECISION_REASON_CONTRACT_KEPT,
            pb.DECISION_REASON_EXPLORED,
        }


def test_the_promise_command_prints_what_audits_say(
    config: Config, capsys: pytest.CaptureFixture[str]
):
    with running(config) as client:
        assert main(["promise", "--address", client.address]) == 0
        assert "No audit has been drawn yet." in capsys.readouterr().out
        client.break_contract()
        assert main(["promise", "--address", client.address]) == 0
    said = capsys.readouterr().out
    assert "100.00% of requests under a contract are audited" in said
    assert "suspended" in said
    assert "of 10" in said


def test_an_artifact_without_calibration_promises_nothing(
    server: RouterServer, capsys: pytest.CaptureFixture[str]
):
    assert main(["promise", "--address", f"127.0.0.1:{server.port}"]) == 0
    assert "nothing is promised" in capsys.readouterr().out


def test_what_one_server_finds_broken_reaches_the_others_on_its_store(config: Config):
    with running(config) as one, running(config) as other:
        assert other.stub.Route(ASKED).tier == "small"
        one.break_contract()
        end = time.monotonic() + 20.0
        while other.health("promise") == SERVING:  # nobody draws an audit there meanwhile
            assert time.monotonic() < end, "waited 20 seconds in vain"
            time.sleep(0.05)
        answer = other.stub.Route(ASKED)
        assert (answer.tier, answer.reason) == ("large", pb.DECISION_REASON_CONTRACT_SUSPENDED)
