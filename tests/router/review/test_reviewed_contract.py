"""A contract over reviews on a real server: plan and reviews go by what it vouches for."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_answers import made_up_review
from tiny_artifact import COUNTS, PROOF, calibrated, copy_artifact

from router.catalog import load_catalog
from router.client import CallError, RouterClient
from router.config import Config
from router.predict.files import read_json
from router.promise.contract import CalibrationCounts
from router.promise.reviewed import ReviewedCounts, places, reviewed_to_json
from router.review.saved import review_to_json
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from training.export import write_manifest

LLAMA, SONNET = "llama-3-8b-self-hosted", "claude-3-5-sonnet"
USD = (1.0, 0.02)
LOST = (0.0, 20.0)  # of 400


def reviewing(tiny: Path, place: Path, catalog_version: str) -> Path:
    """Return an artifact with a review and a contract over it."""
    artifact = calibrated(copy_artifact(tiny, place / "artifact"), COUNTS)
    counts = ReviewedCounts(
        catalog_version, USD, CalibrationCounts(places(2), LOST, 400, True, "lowest")
    )
    (artifact / "review.json").write_text(review_to_json(made_up_review()), encoding="utf-8")
    (artifact / "reviewed.json").write_text(reviewed_to_json(counts), encoding="utf-8")
    write_manifest(artifact, read_json(artifact / "manifest.json"))
    return artifact


@contextmanager
def running(config: Config) -> Iterator[RouterClient]:
    with RouterServer(config) as server, RouterClient(f"127.0.0.1:{server.port}") as connected:
        yield connected


@pytest.fixture(scope="module")
def config(
    server_config: Config,
    tiny_artifact: Path,
    catalog_file: Path,
    tmp_path_factory: pytest.TempPathFactory,
) -> Config:
    place = tmp_path_factory.mktemp("reviewed")
    artifact = reviewing(tiny_artifact, place, load_catalog(catalog_file).version)
    return replace(server_config, artifact=artifact, store=place / "outcomes.sqlite3")


@pytest.fixture(scope="module")
def client(config: Config) -> Iterator[RouterClient]:
    with running(config) as connected:
        yield connected


def asked(rate: float = 0.1, **more: object) -> pb.RouteRequest:
    goal = pb.Goal(contract=pb.Contract(max_loss_rate=rate, reviewed=True))
    return pb.RouteRequest(**({"prompt": PROOF, "goal": goal, "plan": pb.PlanOptions()} | more))


def paying(usd: float) -> pb.RouteRequest:
    return asked(goal=pb.Goal(willingness_to_pay_usd=usd))


def answered(deployment: str, text: str) -> pb.Answer:
    return pb.Answer(
        deployment=deployment,
        text=text,
        finish_reason=pb.FINISH_REASON_STOP,
        output_token_count=80,
    )


@pytest.mark.parametrize(("rate", "usd"), [(0.1, 0.02), (0.02, 1.0)])
def test_plan_and_review_are_those_of_the_willingness_to_pay_that_is_vouched_for(
    client: RouterClient, rate: float, usd: float
) -> None:
    promised, paid = client.route(asked(rate)), client.route(paying(usd))
    assert promised.reason == pb.DECISION_REASON_CONTRACT_KEPT
    assert promised.contract_terms.willingness_to_pay_usd == usd
    assert promised.contract_terms.calibration_prompt_count == 400
    assert (promised.deployment, promised.plan) == (paid.deployment, paid.plan)
    for answers in (
        [answered(LLAMA, "The answer is 8.")],
        [answered(LLAMA, "The answer is 8."), answered("claude-3-haiku", "It is 9.")],
    ):
        branches = [
            client.review(pb.ReviewRequest(decision=decision, answers=answers)).branch
            for decision in (promised, paid)
        ]
        assert branches[0] == branches[1]


def test_labels_that_vouch_for_nothing_mean_the_top_tier_and_no_review(
    client: RouterClient,
) -> None:
    decision = client.route(asked(0.001))
    assert (decision.tier, decision.plan.review) == ("large", False)
    assert not decision.contract_terms.HasField("willingness_to_pay_usd")
    cheap = pb.ReviewRequest(decision=decision, answers=[answered(LLAMA, "The answer is 8.")])
    branch = client.review(cheap).branch
    assert (branch.action, branch.deployment) == (pb.REVIEW_ACTION_ESCALATE, SONNET)


def test_where_a_tier_may_not_be_asked_only_the_top_tier_keeps_the_promise(
    client: RouterClient,
) -> None:
    decision = client.route(asked(denied_tiers=["medium"]))
    assert (decision.tier, decision.reason) == ("large", pb.DECISION_REASON_CONTRACT_KEPT)
    assert not decision.contract_terms.HasField("willingness_to_pay_usd")
    without_top = client.route(asked(denied_tiers=["large"]))
    assert without_top.reason == pb.DECISION_REASON_CONTRACT_UNREACHABLE


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (asked(plan=None), "plan: not given"),
        (asked(plan=pb.PlanOptions(wait_usd=0.1)), "plan.wait_usd: 0.1 given"),
        (
            asked(goal=pb.Goal(contract=pb.Contract(max_loss_rate=0.1, per_topic=True,
                                                    reviewed=True))),
            "per_topic and reviewed given",
        ),
    ],
    ids=["no plan", "a price of waiting", "per topic too"],
)  # fmt: skip
def test_what_was_not_calibrated_is_refused(
    client: RouterClient, request_: pb.RouteRequest, message: str
) -> None:
    with pytest.raises(CallError, match=message):
        client.route(request_)


def test_a_review_with_a_price_of_waiting_is_refused(client: RouterClient) -> None:
    answers = [answered(LLAMA, "The answer is 8.")]
    decision = client.route(asked())
    with pytest.raises(CallError, match=r"wait_usd: 0\.5 given; a contract over reviews"):
        client.review(pb.ReviewRequest(decision=decision, answers=answers, wait_usd=0.5))


def test_an_artifact_without_it_or_of_other_prices_refuses_it(
    config: Config, tiny_artifact: Path, tmp_path: Path
) -> None:
    store = tmp_path / "outcomes.sqlite3"
    plain = calibrated(copy_artifact(tiny_artifact, tmp_path / "plain"))
    with (
        running(replace(config, artifact=plain, store=store)) as other,
        pytest.raises(CallError, match="was not calibrated over reviews"),
    ):
        other.route(asked())
    dear = reviewing(tiny_artifact, tmp_path, "another")
    with (
        running(replace(config, artifact=dear, store=store)) as other,
        pytest.raises(CallError, match="calibrated at the prices of catalog another"),
    ):
        other.route(asked())


def test_every_audit_is_reported_with_the_answer_that_was_kept_and_may_suspend_the_contract(
    config: Config, tmp_path: Path
) -> None:
    watched = replace(config, store=tmp_path / "outcomes.sqlite3", audit_share=1.0)
    with running(watched) as client:
        for _ in range(20):
            decision = client.route(asked())
            assert decision.audit.deployment == SONNET
            said = client.record_audit(
                pb.RecordAuditRequest(
                    decision_id=decision.decision_id, quality=0.0, top_quality=1.0
                )
            )
            if said.contract.suspended:
                break
        assert said.contract.contract.reviewed
        suspended = client.route(asked())
        assert suspended.reason == pb.DECISION_REASON_CONTRACT_SUSPENDED
        assert (suspended.tier, suspended.plan.review) == ("large", False)
        unreviewed = pb.Goal(contract=pb.Contract(max_loss_rate=0.1))
        assert client.route(asked(goal=unreviewed)).reason == pb.DECISION_REASON_CONTRACT_KEPT
