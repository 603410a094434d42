"""A contract per topic on a real server: found, answered, watched and suspended topic by topic."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from tiny_artifact import COUNTS, FRUIT, PROOF, calibrated, copy_artifact, topics_of

from router.cli.main import main
from router.config import Config
from router.promise.contract import CalibrationCounts
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

FEW = CalibrationCounts(COUNTS.grid, COUNTS.total_loss, 40, True, "any")
"""Forty labels without a loss: enough for 6 % at confidence .9, not at .95, for 2 topics."""


def goal(*, per_topic: bool = True) -> pb.Goal:
    return pb.Goal(contract=pb.Contract(max_loss_rate=0.06, per_topic=per_topic))


def asked(prompt: str, *, per_topic: bool = True) -> pb.RouteRequest:
    return pb.RouteRequest(prompt=prompt, goal=goal(per_topic=per_topic))


@contextmanager
def running(config: Config) -> Iterator[tuple[RouterServiceStub, str]]:
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield RouterServiceStub(channel), f"127.0.0.1:{server.port}"


@pytest.fixture(scope="module")
def config(
    server_config: Config, tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory
) -> Config:
    place = tmp_path_factory.mktemp("topics")
    artifact = copy_artifact(tiny_artifact, place / "artifact")
    return replace(
        server_config,
        artifact=calibrated(artifact, by_topic=topics_of(tiny_artifact, proofs=FEW)),
        store=place / "outcomes.sqlite3",
    )


@pytest.fixture(scope="module")
def topical(config: Config) -> Iterator[RouterServiceStub]:
    with running(config) as (stub, _):
        yield stub


def test_a_topic_with_labels_enough_goes_cheap_and_one_with_few_goes_to_the_top_tier(
    topical: RouterServiceStub,
):
    fruit, proof = topical.Route(asked("Name a fruit!")), topical.Route(asked(PROOF))
    assert (fruit.tier, fruit.contract_terms.topic) == ("small", "fruit")
    assert fruit.contract_terms.calibration_prompt_count == COUNTS.n
    assert (proof.tier, proof.contract_terms.topic) == ("large", "proof")
    assert proof.contract_terms.calibration_prompt_count == FEW.n
    assert not proof.contract_terms.HasField("threshold")
    for one in (fruit, proof):
        assert one.contract_terms.topic_count == 2
        assert one.contract_terms.confidence == pytest.approx(0.9)
        assert one.goal.contract.per_topic


def test_a_contract_over_all_traffic_names_no_topic(topical: RouterServiceStub):
    answer = topical.Route(asked(PROOF, per_topic=False))
    assert answer.tier == "small"
    assert (answer.contract_terms.topic, answer.contract_terms.topic_count) == ("", 0)


def test_a_batch_finds_every_prompts_topic(topical: RouterServiceStub):
    batch = pb.RouteBatchRequest(requests=[asked(PROOF), asked(FRUIT), asked(PROOF)])
    results = topical.RouteBatch(batch).results
    topics = [one.response.contract_terms.topic for one in results]
    assert topics == ["proof", "fruit", "proof"]


def test_an_artifact_without_topics_refuses_a_contract_per_topic_and_keeps_others(
    config: Config, tiny_artifact: Path, tmp_path: Path
):
    plain = calibrated(copy_artifact(tiny_artifact, tmp_path / "plain"))
    other = replace(config, artifact=plain, store=tmp_path / "outcomes.sqlite3")
    with running(other) as (stub, _):
        with pytest.raises(grpc.RpcError) as caught:
            stub.Route(asked(FRUIT))
        info = error_details_pb2.ErrorInfo()
        rpc_status.from_call(caught.value).details[0].Unpack(info)
        assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
        assert info.reason == "TOPICS_NOT_CALIBRATED"
        assert stub.Route(asked(FRUIT, per_topic=False)).tier == "small"


def test_audits_suspend_the_broken_topic_and_no_other(
    config: Config, tmp_path: Path, tiny_artifact: Path, capsys: pytest.CaptureFixture[str]
):
    both = calibrated(
        copy_artifact(tiny_artifact, tmp_path / "both"), by_topic=topics_of(tiny_artifact)
    )
    watched = replace(config, artifact=both, store=tmp_path / "outcomes.sqlite3", audit_share=1.0)
    with running(watched) as (stub, address):
        for _ in range(20):
            decision = stub.Route(asked(PROOF)).decision_id
            report = pb.RecordAuditRequest(decision_id=decision, quality=0.0, top_quality=1.0)
            if stub.RecordAudit(report).contract.suspended:
                break
        suspended = stub.Route(asked(PROOF))
        assert suspended.tier == "large"
        assert suspended.reason == pb.DECISION_REASON_CONTRACT_SUSPENDED
        assert suspended.contract_terms.topic == "proof"
        assert stub.Route(asked(FRUIT)).tier == "small"
        assert stub.Route(asked(PROOF, per_topic=False)).tier == "small"
        contracts = stub.GetPromise(pb.GetPromiseRequest()).contracts
        stands = {(one.contract.per_topic, one.topic): one for one in contracts}
        assert stands[True, "proof"].suspended
        assert not stands[True, "fruit"].suspended
        assert not stands[False, ""].suspended
        assert stands[True, "proof"].evidence_limit == pytest.approx(20)
        assert stands[True, "proof"].evidence >= 20
        assert stands[False, ""].evidence_limit == pytest.approx(10)
        capsys.readouterr()
        assert main(["promise", "--address", address]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert any("proof" in line and "suspended" in line and "of 20" in line for line in lines)


def test_the_route_command_asks_for_a_contract_per_topic(
    config: Config, capsys: pytest.CaptureFixture[str]
):
    with running(config) as (_, address):
        assert (
            main(["route", "--address", address, "--max-loss-rate", "0.06", "--per-topic", PROOF])
            == 0
        )
    said = capsys.readouterr().out
    assert "in every topic at once" in said
    assert "40 labelled prompts of topic proof (one of 2): only the top tier" in said
