"""Contracts over a swap: a suspension belongs to a calibration, wherever that is in force."""

from dataclasses import replace
from pathlib import Path

import pytest
from swapping import edit, running, with_own_files
from swapping import refusal as reason_of
from tiny_artifact import COUNTS, calibrated, copy_artifact, topics_of

from router.config import Config
from router.v1 import router_pb2 as pb

GOAL = pb.Goal(contract=pb.Contract(max_loss_rate=0.05))
UNDER_CONTRACT = pb.RouteRequest(prompt="Name a fruit.", goal=GOAL)


@pytest.fixture
def config(server_config: Config, tiny_artifact: Path, tmp_path: Path) -> Config:
    return with_own_files(server_config, tiny_artifact, tmp_path)


def test_an_artifact_that_cannot_keep_contracts_does_not_follow_one_that_can(
    config: Config, tiny_artifact: Path
):
    calibrated(config.artifact)
    with running(config) as client:
        assert reason_of(lambda: client.reload(artifact=tiny_artifact))[1] == "CONTRACTS_LOST"
        assert client.router.Route(UNDER_CONTRACT).tier


def test_an_artifact_without_topics_does_not_follow_one_that_keeps_contracts_per_topic(
    config: Config, tiny_artifact: Path, tmp_path: Path
):
    calibrated(config.artifact, by_topic=topics_of(tiny_artifact))
    without = calibrated(copy_artifact(tiny_artifact, tmp_path / "without"))
    goal = pb.Goal(contract=pb.Contract(max_loss_rate=0.05, per_topic=True))
    with running(config) as client:
        assert reason_of(lambda: client.reload(artifact=without))[1] == "CONTRACTS_LOST"
        assert client.router.Route(pb.RouteRequest(prompt="Name a fruit.", goal=goal)).tier


def test_a_suspended_contract_stays_with_its_calibration_and_ends_with_another(
    config: Config, tiny_artifact: Path, tmp_path: Path
):
    calibrated(config.artifact)
    again = calibrated(copy_artifact(tiny_artifact, tmp_path / "again"), replace(COUNTS, n=1200))
    with running(replace(config, audit_share=1.0)) as client:

        def lose() -> pb.RecordAuditResponse:
            decision = client.router.Route(UNDER_CONTRACT).decision_id
            return client.router.RecordAudit(
                pb.RecordAuditRequest(decision_id=decision, quality=0.0, top_quality=1.0)
            )

        late = [client.router.Route(UNDER_CONTRACT).decision_id for _ in range(2)]
        while not lose().contract.suspended:
            pass
        assert client.health("promise") == "NOT_SERVING"
        edit(config.catalog, "input_usd_per_mtok = 3.0", "input_usd_per_mtok = 4.0")
        assert client.reload().changed  # the same calibration under other prices
        assert client.health("promise") == "NOT_SERVING"
        assert client.router.Route(UNDER_CONTRACT).reason == pb.DECISION_REASON_CONTRACT_SUSPENDED
        client.reload(artifact=again)
        assert client.health("promise") == "SERVING"
        assert client.router.Route(UNDER_CONTRACT).reason == pb.DECISION_REASON_CONTRACT_KEPT
        # A report of the old calibration is kept and leaves the new one alone.
        for decision in late:
            client.router.RecordAudit(
                pb.RecordAuditRequest(decision_id=decision, quality=0.0, top_quality=1.0)
            )
        assert client.health("promise") == "SERVING"
        client.rollback()
        assert client.health("promise") == "NOT_SERVING"
        assert client.router.Route(UNDER_CONTRACT).reason == pb.DECISION_REASON_CONTRACT_SUSPENDED


def test_a_contract_found_broken_after_a_swap_is_suspended_for_the_version_rolled_back_to(
    config: Config,
):
    calibrated(config.artifact)
    with running(replace(config, audit_share=1.0)) as client:
        drawn = [client.router.Route(UNDER_CONTRACT).decision_id for _ in range(30)]
        edit(config.catalog, "input_usd_per_mtok = 3.0", "input_usd_per_mtok = 4.0")
        client.reload()
        for decision in drawn:
            report = pb.RecordAuditRequest(decision_id=decision, quality=0.0, top_quality=1.0)
            client.router.RecordAudit(report)
        assert client.router.Route(UNDER_CONTRACT).reason == pb.DECISION_REASON_CONTRACT_SUSPENDED
        client.rollback()
        assert client.router.Route(UNDER_CONTRACT).reason == pb.DECISION_REASON_CONTRACT_SUSPENDED
