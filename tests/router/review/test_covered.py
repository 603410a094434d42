"""A review under a contract keeps what the contract covers, and loses nothing beyond it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from made_up_answers import made_up_review
from tiny_artifact import PROOF, calibrated, copy_artifact, topics_of

from router.client import CallError, RouterClient
from router.config import Config
from router.predict.files import read_json
from router.promise.contract import CalibrationCounts, ContractTerms
from router.review.covered import Covered, choose_covered, covered_by
from router.review.rule import Action, Branch
from router.review.saved import review_to_json
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from training.export import write_manifest

SMALL, MEDIUM, LARGE = range(3)
TERMS = ContractTerms(0.05, 0.1, 0.1, 1000, 0.02, 0.03, "clopper-pearson", "any", 100)
BOTH = Covered((True, True, True), 0.1)


def accept(tier: int, quality: float) -> Branch:
    return Branch(Action.ACCEPT, tier, quality, 0.0, 0.0)


def escalate(tier: int, quality: float, cost: float = 1.0) -> Branch:
    return Branch(Action.ESCALATE, tier, quality, cost, 1.0)


@pytest.mark.parametrize(
    ("branches", "covered", "action", "tier"),
    [
        ([accept(SMALL, 0.9), escalate(LARGE, 0.95)], BOTH, Action.ACCEPT, SMALL),
        ([accept(SMALL, 0.8), escalate(LARGE, 0.95)], BOTH, Action.ESCALATE, LARGE),
        ([accept(SMALL, 0.9), accept(MEDIUM, 0.92), escalate(LARGE, 0.95)], BOTH, Action.ACCEPT, 1),
        ([accept(SMALL, 0.9), escalate(LARGE, 0.9)], Covered((False, True, True), 0.1),
         Action.ESCALATE, LARGE),
        ([accept(SMALL, 0.9), escalate(LARGE, 0.5)], Covered((False, False, True), None),
         Action.ESCALATE, LARGE),
        ([escalate(MEDIUM, 0.6, 0.2), escalate(LARGE, 0.9)], BOTH, Action.ESCALATE, MEDIUM),
        ([accept(SMALL, 0.2)], Covered((False, False, True), None), Action.ACCEPT, SMALL),
        ([accept(LARGE, 0.2)], Covered((False, False, True), None), Action.ACCEPT, LARGE),
    ],
    ids=[
        "within the threshold", "beyond it", "the better of two", "not permitted", "suspended",
        "nothing usable", "the top tier may not serve", "the top tier answered",
    ],
)  # fmt: skip
def test_an_answer_is_kept_while_its_tier_is_covered_and_its_regret_within_the_threshold(
    branches: list[Branch], covered: Covered, action: Action, tier: int
) -> None:
    chosen = choose_covered(branches, covered)
    assert (chosen.action, chosen.tier) == (action, tier)


def test_a_contract_of_the_lowest_permitted_tier_covers_that_one_and_the_top() -> None:
    adequacy = (0.85, 0.9, 0.9)
    assert covered_by(TERMS, adequacy).tiers == (True, True, True)
    assert covered_by(replace(TERMS, covers="lowest"), adequacy).tiers == (True, False, True)
    assert covered_by(replace(TERMS, threshold=None), adequacy).tiers == (False, False, True)


qualities = st.floats(0, 1)


@settings(deadline=None)
@given(
    st.tuples(qualities, qualities, qualities),
    st.tuples(qualities, qualities, qualities),
    st.tuples(st.booleans(), st.booleans(), st.booleans()),
    st.floats(-0.5, 0.6),
    st.integers(1, 2),
)
def test_what_a_review_keeps_loses_nothing_the_contract_does_not_count(
    adequacy: tuple[float, ...],
    believed: tuple[float, ...],
    adequate: tuple[bool, ...],
    threshold: float,
    answers: int,
) -> None:
    covered = covered_by(replace(TERMS, threshold=threshold), adequacy)
    counted = any(
        in_ and not ok and adequate[LARGE] for in_, ok in zip(covered.tiers, adequate, strict=True)
    )
    branches = [accept(tier, believed[tier]) for tier in range(answers)]
    chosen = choose_covered([*branches, escalate(LARGE, believed[LARGE])], covered)
    lost = not adequate[chosen.tier] and adequate[LARGE]
    assert lost <= counted


@pytest.fixture(scope="module")
def client(
    server_config: Config, tiny_artifact: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RouterClient]:
    """A review and a contract that permits a regret of 0.2 whatever the topic."""
    place = tmp_path_factory.mktemp("covered")
    counts = CalibrationCounts((0.2,), (0.0,), 1000, True, "any")
    topics = replace(topics_of(tiny_artifact), counts=(counts, counts))
    artifact = calibrated(copy_artifact(tiny_artifact, place / "artifact"), counts, topics)
    (artifact / "review.json").write_text(review_to_json(made_up_review()), encoding="utf-8")
    write_manifest(artifact, read_json(artifact / "manifest.json"))
    config = replace(server_config, artifact=artifact, store=place / "outcomes.sqlite3")
    with RouterServer(config) as running, RouterClient(f"127.0.0.1:{running.port}") as connected:
        yield connected


def asked(*, per_topic: bool = False) -> pb.RouteRequest:
    contract = pb.Contract(max_loss_rate=0.05, per_topic=per_topic)
    return pb.RouteRequest(prompt=PROOF, goal=pb.Goal(contract=contract), plan=pb.PlanOptions())


def answered(deployment: str, text: str, finish: int = pb.FINISH_REASON_STOP) -> pb.Answer:
    return pb.Answer(deployment=deployment, text=text, finish_reason=finish, output_token_count=80)


@pytest.mark.parametrize("per_topic", [False, True])
def test_the_plan_under_a_contract_is_the_decision_as_it_stands(
    client: RouterClient, per_topic: bool
) -> None:
    answer = client.route(asked(per_topic=per_topic))
    assert (answer.plan.deployment, answer.plan.review) == (answer.deployment, False)
    assert answer.plan.expected_answer_count == 1


@pytest.mark.parametrize("per_topic", [False, True])
def test_a_broken_answer_is_replaced_and_no_comparison_is_priced(
    client: RouterClient, per_topic: bool
) -> None:
    decision = client.route(asked(per_topic=per_topic))
    cut = answered(decision.deployment, "The answer is", pb.FINISH_REASON_LENGTH)
    said = client.review(pb.ReviewRequest(decision=decision, answers=[cut]))
    assert said.branch.action == pb.REVIEW_ACTION_ESCALATE
    assert said.branch.deployment != decision.deployment
    whole = answered(decision.deployment, "The answer is 12.")
    said = client.review(pb.ReviewRequest(decision=decision, answers=[whole]))
    assert {one.action for one in said.branches} <= {
        pb.REVIEW_ACTION_ACCEPT,
        pb.REVIEW_ACTION_ESCALATE,
    }
    again = client.review(pb.ReviewRequest(request=asked(per_topic=per_topic), answers=[whole]))
    assert again.branch.action == said.branch.action


def test_a_topic_nobody_knows_is_refused(client: RouterClient) -> None:
    decision = client.route(asked(per_topic=True))
    decision.contract_terms.topic = "poetry"
    with pytest.raises(CallError, match=r"'poetry' given, must be one of \['fruit', 'proof'\]"):
        client.review(
            pb.ReviewRequest(decision=decision, answers=[answered("claude-3-haiku", "12")])
        )
