"""From a real server's decision log and recorded outcomes to an off-policy estimate."""

import json
from dataclasses import replace
from pathlib import Path

import grpc
import numpy as np
import pytest

from eval.json_lines import numbered_lines
from eval.ope.__main__ import main
from eval.ope.candidate import artifact_choices_recorded
from eval.ope.estimate import off_policy_report
from eval.ope.inputs import RecordedInput
from eval.ope.join import join_outcomes, read_outcome_store
from eval.ope.read import parse_log
from router.config import Config
from router.engine import Engine
from router.errors import DataError
from router.ledger.store import RecordedOutcome
from router.server.app import RouterServer
from router.types import Goal
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

QUALITY = {"small": 0.0, "medium": 0.5, "large": 1.0}
DECISIONS = 150


def prompt(number: int) -> str:
    return f"Question {number}: " + "why is that so? " * (number % 40)


@pytest.fixture(scope="module")
def served(
    server_config: Config, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Config, list[pb.RouteResponse]]:
    """Return the settings of a server that explored, and its answers, of which all but 5 came."""
    place = tmp_path_factory.mktemp("log")
    config = replace(
        server_config,
        store=place / "outcomes.sqlite3",
        exploration_share=0.5,
        decision_log=place / "decisions.jsonl",
    )
    requests = [
        pb.RouteRequest(
            prompt=prompt(number),
            session_id=f"s{number // 2}",
            goal=pb.Goal(quality_target=0.6) if number % 3 else None,
        )
        for number in range(DECISIONS + 5)
    ]
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = RouterServiceStub(channel)
        half = len(requests) // 2
        answers = [stub.Route(one) for one in requests[:half]]
        batch = stub.RouteBatch(pb.RouteBatchRequest(requests=requests[half:]))
        answers += [one.response for one in batch.results]
        for answer in answers[:DECISIONS]:
            stub.RecordOutcome(
                pb.RecordOutcomeRequest(
                    decision_id=answer.decision_id,
                    request_id=answer.decision_id,
                    quality=QUALITY[answer.tier],
                    input_token_count=1000,
                    output_token_count=100,
                )
            )
    return config, answers


def test_every_decision_is_a_line_that_says_what_was_taken_and_with_which_odds(served):
    config, answers = served
    lines = [json.loads(text) for _, text in numbered_lines(config.decision_log)]
    assert [line["context_id"] for line in lines] == [answer.decision_id for answer in answers]
    assert {answer.reason for answer in answers} >= {
        pb.DECISION_REASON_EXPLORED,
        pb.DECISION_REASON_TARGET_MET,
        pb.DECISION_REASON_BEST_TRADE_OFF,
    }
    for line, answer in zip(lines, answers, strict=True):
        assert line["action"] == answer.tier
        assert sum(line["propensities"].values()) == pytest.approx(1.0)
        assert line["propensities"][answer.tier] > 0
        assert line["predicted_reward"] == {
            one.tier: pytest.approx(one.adequacy) for one in answer.candidates
        }
    assert not any("Question" in text for _, text in numbered_lines(config.decision_log))


def test_the_log_and_its_outcomes_estimate_what_another_artifact_would_have_earned(
    served, engine: Engine
):
    """The candidate asks for the most adequate tier everywhere; its true quality is known."""
    config, _ = served
    joined = join_outcomes(numbered_lines(config.decision_log), read_outcome_store(config.store))
    assert (len(joined.lines), joined.without_outcome) == (DECISIONS, 5)
    file = parse_log(config.decision_log, joined.lines)
    assert len(file.inputs) == DECISIONS
    # Tokens as reported, at the price of what was taken: 1,000 in and 100 out.
    assert set(np.round(file.log.cost_usd, 9)) <= {0.000058, 0.000375, 0.0045}
    always = (config.artifact, config.catalog, Goal(quality_target=1.0))
    candidate = artifact_choices_recorded(file.inputs, file.log.actions, *always)
    truth = float((candidate @ [QUALITY[name] for name in file.log.actions]).mean())
    report = off_policy_report(file.log, candidate, draws=20)
    for estimator in ("ips", "snips", "dr"):
        found = report.of("quality", estimator)
        assert found is not None
        interval = found.asymptotic
        # Four half-widths of a 95 % interval are eight standard errors.
        assert abs(interval.value - truth) <= 2 * (interval.high - interval.low) + 1e-9


def test_the_logging_artifact_decides_recorded_requests_as_it_did(served):
    config, answers = served
    file = parse_log(
        config.decision_log,
        join_outcomes(numbered_lines(config.decision_log), read_outcome_store(config.store)).lines,
    )
    again = artifact_choices_recorded(
        file.inputs, file.log.actions, config.artifact, config.catalog
    )
    for answer, row in zip(answers, again, strict=False):
        if answer.reason != pb.DECISION_REASON_EXPLORED:
            assert file.log.actions[int(row.argmax())] == answer.tier


def test_the_command_joins_estimates_and_says_what_was_left_out(served, capsys):
    config, _ = served
    arguments = ["--log", config.decision_log, "--outcomes", config.store]
    arguments += ["--artifact", config.artifact, "--catalog", config.catalog, "--draws", 20]
    assert main([str(one) for one in arguments]) == 0
    said = capsys.readouterr().out
    assert f"{DECISIONS} decisions with an outcome; left out: 5 without one" in said
    assert "| quality | dr | " in said


def line(**keys: object) -> tuple[int, str]:
    content = {"context_id": "d", "deployment": "a", "expected_cost_usd": 0.5} | keys
    return 1, json.dumps(content)


def test_what_another_deployment_answered_or_two_reports_disagree_on_is_left_out():
    outcomes = [
        RecordedOutcome("d", "1", quality=0.5, deployment="b"),
        RecordedOutcome("e", "2", quality=0.5),
        RecordedOutcome("e", "3", quality=0.6),
        RecordedOutcome("f", "4", output_tokens=7),
        RecordedOutcome("g", "5", quality=1.0),
        RecordedOutcome("g", "6", latency_ms=3.0),
    ]
    lines = [line(), *(line(context_id=name) for name in "efg")]
    joined = join_outcomes(lines, outcomes)
    assert (joined.elsewhere, joined.contradictory, joined.without_outcome) == (1, 1, 1)
    ((_, kept),) = joined.lines
    content = json.loads(kept)
    assert (content["reward"], content["cost_usd"]) == (1.0, 0.5)


def test_an_artifact_with_another_encoder_is_refused(served):
    config, _ = served
    strange = RecordedInput(
        np.zeros(2, np.float32), np.zeros(2, np.float32), "other", Goal(0.5), frozenset(), 1.0, None
    )
    with pytest.raises(DataError, match="its encoder is not the log's"):
        artifact_choices_recorded(
            [strange], ("small", "medium", "large"), config.artifact, config.catalog
        )


def test_a_store_that_is_not_there_is_not_made(tmp_path: Path):
    with pytest.raises(DataError, match="no such store of outcomes"):
        read_outcome_store(tmp_path / "nowhere.sqlite3")
    assert list(tmp_path.iterdir()) == []
