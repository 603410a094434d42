"""``explain``: a decision that was made, logged, audited and reported on, from files alone."""

from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from tiny_artifact import calibrated, copy_artifact

from router.cli.main import main
from router.config import Config
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub


@pytest.fixture(scope="module")
def decided(
    server_config: Config, tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[pb.RouteResponse, Path, Path]:
    """Return an answer, the log and the store of a server that has stopped."""
    place = tmp_path_factory.mktemp("explain")
    config = replace(
        server_config,
        artifact=calibrated(copy_artifact(tiny_artifact, place / "artifact")),
        store=place / "outcomes.sqlite3",
        decision_log=place / "log.jsonl",
        audit_share=1.0,
    )
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = RouterServiceStub(channel)
        stub.Route(pb.RouteRequest(prompt="Another one."))
        goal = pb.Goal(contract=pb.Contract(max_loss_rate=0.05))
        answer = stub.Route(pb.RouteRequest(prompt="Name a fruit.", goal=goal))
        stub.RecordOutcome(
            pb.RecordOutcomeRequest(
                decision_id=answer.decision_id, request_id="r", quality=0.25, latency_ms=7.0
            )
        )
        stub.RecordAudit(
            pb.RecordAuditRequest(decision_id=answer.decision_id, quality=0.25, top_quality=1.0)
        )
    return answer, config.decision_log, config.store


def test_a_decision_is_explained_from_log_outcomes_and_audits(
    decided: tuple[pb.RouteResponse, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    answer, log, store = decided
    given = ["explain", answer.decision_id, "--log", str(log), "--store", str(store)]
    assert main(given) == 0
    said = capsys.readouterr().out
    for part in (
        f"Decision    {answer.decision_id}",
        f"Tier        {answer.tier}",
        "Reason      CONTRACT_KEPT",
        f"artifact {answer.artifact_version}, catalog {answer.catalog_version}",
        '"latency_ms": 7.0, "quality": 0.25',
        "Audit       lost: small quality 0.25, large quality 1",
    ):
        assert part in said
    table = said.split("\n\n")[1].splitlines()
    assert [line.split()[0] for line in table[2:5]] == ["small", "medium", "large"]


def test_of_a_decision_nobody_wrote_down_nothing_is_known(
    decided: tuple[pb.RouteResponse, Path, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    _, log, store = decided
    assert main(["explain", "feed", "--log", str(log), "--store", str(store)]) == 1
    assert capsys.readouterr().out == f"nothing is known of decision feed in {log}, {store}\n"


def test_torn_lines_and_files_that_are_no_store_are_told_apart(
    decided: tuple[pb.RouteResponse, Path, Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    answer, log, _ = decided
    torn = tmp_path / "torn.jsonl"
    torn.write_text(f'{{"context_id": "{answer.decision_id}\n{log.read_text()}')
    none = str(tmp_path / "none")
    assert main(["explain", answer.decision_id, "--log", str(torn), "--store", none]) == 0
    assert f"Tier        {answer.tier}" in capsys.readouterr().out
    assert main(["explain", "d", "--log", none, "--store", none]) == 1
    assert "give the decision log of the server" in capsys.readouterr().err
    assert main(["explain", "d", "--store", str(torn)]) == 1
    assert "give the store of the server" in capsys.readouterr().err


def test_files_that_are_no_decision_log_are_told_from_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    given = ["explain", "d1", "--log", str(log), "--store", str(tmp_path / "none")]
    log.write_bytes(b"\xff\xfe d1\n")
    assert main(given) == 1
    assert "nothing is known of decision d1" in capsys.readouterr().out
    log.write_text('{"context_id": "d1"}\n', encoding="utf-8")
    assert main(given) == 1
    assert "is not as a server writes it (KeyError('goal'))" in capsys.readouterr().err
