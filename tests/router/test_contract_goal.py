"""A contract as the goal: what is permitted, what is answered, what it rests on."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest

from router.config import Config
from router.engine import Engine
from router.errors import NotCalibratedError
from router.promise.calibrated import Promise
from router.promise.contract import CalibrationCounts
from router.server.app import RouterServer
from router.types import Contract, DecisionReason, Goal, Message, Prediction, Request
from router.v1 import router_pb2 as pb
from router.v1 import router_pb2_grpc

# 1,000 prompts: nothing is lost up to a regret of 0.1, a tenth from there on.
COUNTS = CalibrationCounts((0.0, 0.1, 0.3), (0.0, 0.0, 100.0), 1000, True, "any")
ASKED = Request((Message("user", "How tall is the tower?"),), Goal(contract=Contract(0.05)))
SIZE = 50.0


@pytest.fixture
def promising(engine: Engine) -> Engine:
    return replace(engine, artifact=replace(engine.artifact, promise=Promise(COUNTS)))


@pytest.mark.parametrize(
    ("adequacy", "tier"),
    [((0.85, 0.9, 0.9), "small"), ((0.7, 0.85, 0.9), "medium"), ((0.2, 0.5, 0.9), "large")],
)
def test_the_cheapest_tier_within_the_permitted_regret_is_chosen(
    promising: Engine, adequacy: tuple[float, ...], tier: str
) -> None:
    decision = promising.decide(ASKED, Prediction(adequacy, (SIZE,) * 3), SIZE)
    assert decision.chosen.deployment.tier == tier
    assert decision.reason is DecisionReason.CONTRACT_KEPT
    assert decision.contract_terms is not None
    assert decision.contract_terms.threshold == pytest.approx(0.1)
    assert decision.contract_terms.n == 1000


def test_a_stricter_contract_never_permits_a_cheaper_tier(promising: Engine) -> None:
    prediction = Prediction((0.7, 0.85, 0.9), (SIZE,) * 3)
    costs = [
        promising.decide(
            ASKED._replace(goal=Goal(contract=Contract(rate))), prediction, SIZE
        ).chosen.expected_cost_usd
        for rate in (0.5, 0.2, 0.05, 0.001)
    ]
    assert costs == sorted(costs)


def test_labels_that_vouch_for_nothing_mean_the_top_tier(promising: Engine) -> None:
    request = ASKED._replace(goal=Goal(contract=Contract(0.0001)))
    decision = promising.decide(request, Prediction((0.9, 0.9, 0.9), (SIZE,) * 3), SIZE)
    assert decision.chosen.deployment.tier == "large"
    assert decision.contract_terms is not None
    assert decision.contract_terms.threshold is None


def test_a_request_whose_permitted_tiers_may_not_serve_is_said_to_be_uncovered(
    promising: Engine,
) -> None:
    request = ASKED._replace(denied_tiers=frozenset({"large"}))
    decision = promising.decide(request, Prediction((0.2, 0.5, 0.9), (SIZE,) * 3), SIZE)
    assert decision.chosen.deployment.tier == "medium"
    assert decision.reason is DecisionReason.CONTRACT_UNREACHABLE


def test_a_contract_on_an_uncalibrated_artifact_is_refused_alone_in_a_batch(engine: Engine) -> None:
    plain = ASKED._replace(goal=None)
    refused, decided = engine.route_many([ASKED, plain])
    assert isinstance(refused, NotCalibratedError)
    assert decided == engine.route(plain)._replace(decision_id=decided.decision_id)


@pytest.fixture(scope="module")
def shipped(tmp_path_factory: pytest.TempPathFactory) -> Iterator[grpc.Channel]:
    store = tmp_path_factory.mktemp("shipped") / "outcomes.sqlite3"
    config = Config(address="127.0.0.1:0", store=Path(store))
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield channel


def test_the_shipped_artifact_answers_a_contract_with_what_it_rests_on(
    shipped: grpc.Channel,
) -> None:
    stub = router_pb2_grpc.RouterServiceStub(shipped)
    answer = stub.Route(
        pb.RouteRequest(
            prompt="What is 12 times 14?", goal=pb.Goal(contract=pb.Contract(max_loss_rate=0.1))
        ),
        timeout=5,
    )
    assert answer.reason == pb.DECISION_REASON_CONTRACT_KEPT
    assert answer.goal.contract.confidence == pytest.approx(0.9)
    assert answer.contract_terms.max_loss_rate == pytest.approx(0.1)
    assert answer.contract_terms.calibration_prompt_count > 900
    assert answer.contract_terms.observed_loss_rate < 0.1
    regret = answer.candidates[2].adequacy - next(
        one.adequacy for one in answer.candidates if one.deployment == answer.deployment
    )
    assert regret <= answer.contract_terms.threshold + 1e-6


def test_a_response_without_a_contract_holds_no_terms(shipped: grpc.Channel) -> None:
    stub = router_pb2_grpc.RouterServiceStub(shipped)
    answer = stub.Route(pb.RouteRequest(prompt="What is 12 times 14?"), timeout=5)
    assert not answer.HasField("contract_terms")


def test_the_shipped_artifact_answers_a_contract_per_topic_with_the_topics_own_labels(
    shipped: grpc.Channel,
) -> None:
    stub = router_pb2_grpc.RouterServiceStub(shipped)
    goal = pb.Goal(contract=pb.Contract(max_loss_rate=0.1, per_topic=True))
    answers = [
        stub.Route(pb.RouteRequest(prompt=prompt, goal=goal), timeout=5).contract_terms
        for prompt in (
            "Ann has 3 bags of 12 apples and gives away 7. How many apples does she have left?",
            "Call the function that books a table for two at eight.",
        )
    ]
    assert answers[0].topic != answers[1].topic
    for terms in answers:
        assert terms.topic_count > 1
        assert 0 < terms.calibration_prompt_count < 900
