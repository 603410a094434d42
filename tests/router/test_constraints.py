"""Hard constraints come before price, and the newer ones say who falls out and why."""

from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pool_catalog import catalog_with_pool
from price_rows import DAY

from router.catalog import load_catalog
from router.cost.price import Price
from router.engine import Engine, build_engine
from router.errors import NoCandidateError
from router.predict.artifact import Artifact
from router.types import (
    Decision,
    Goal,
    IneligibleReason,
    Message,
    Needs,
    Prediction,
    Request,
)
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

LLAMA, HAIKU, SONNET = "llama-3-8b-self-hosted", "claude-3-haiku", "claude-3-5-sonnet"
QUESTION = "How many moons does Mars have?"
USD = st.sampled_from([0.0, 1e-9, 0.01, 1.0, 1e9]) | st.floats(0.0, 1e9)


def decided(engine: Engine, needs: Needs, prediction: Prediction, pay: float) -> Decision | None:
    request = Request(
        (Message("user", QUESTION),), Goal(willingness_to_pay_usd=pay), needs, max_output_tokens=300
    )
    try:
        return engine.decide(request, prediction)
    except NoCandidateError:
        return None


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(USD, USD), min_size=3, max_size=3),
    st.lists(st.floats(0.0, 1.0), min_size=3, max_size=3),
    st.builds(
        Needs,
        context_window_tokens=st.sampled_from([0, 10_000, 300_000]),
        tools=st.booleans(),
        vision=st.booleans(),
        json_schema=st.booleans(),
        residency=st.sets(st.sampled_from(["eu", "us", "on-premises"])).map(frozenset),
        no_third_party=st.booleans(),
        locked_deployment=st.sampled_from(["", "", LLAMA, HAIKU, SONNET]),
    ),
    st.floats(1e-6, 1e6),
)
def test_who_may_serve_does_not_depend_on_any_price(
    engine: Engine,
    prices: list[tuple[float, float]],
    adequacy: list[float],
    needs: Needs,
    pay: float,
) -> None:
    priced = tuple(
        replace(item, price=Price(read, written, DAY, "drawn"))
        for item, (read, written) in zip(engine.catalog.deployments, prices, strict=True)
    )
    other = replace(engine, catalog=replace(engine.catalog, deployments=priced))
    prediction = Prediction(tuple(adequacy), (100.0, 200.0, 300.0))
    ours, theirs = (decided(one, needs, prediction, pay) for one in (engine, other))
    if ours is None or theirs is None:
        assert ours is theirs
        return
    assert [one.ineligible for one in ours.estimates] == [
        one.ineligible for one in theirs.estimates
    ]
    assert not theirs.chosen.ineligible


def why(answer: pb.RouteResponse) -> dict[str, list[str]]:
    prefix = "INELIGIBLE_REASON_"
    return {
        one.deployment: [
            pb.IneligibleReason.Name(reason).removeprefix(prefix)
            for reason in one.ineligible_reasons
        ]
        for one in answer.candidates
    }


def test_without_third_parties_only_ones_own_deployments_serve(stub: RouterServiceStub) -> None:
    goal = pb.Goal(quality_target=1.0)
    needs = pb.Needs(no_third_party=True)
    answer = stub.Route(pb.RouteRequest(prompt=QUESTION, goal=goal, needs=needs))
    assert answer.deployment == LLAMA
    assert why(answer) == {LLAMA: [], HAIKU: ["THIRD_PARTY"], SONNET: ["THIRD_PARTY"]}


@pytest.mark.parametrize("name", [LLAMA, HAIKU, SONNET])
def test_a_conversation_whose_state_a_deployment_holds_stays_there(
    stub: RouterServiceStub, name: str
) -> None:
    messages = [
        pb.Message(role="user", content=QUESTION),
        pb.Message(role="assistant", content=""),
        pb.Message(role="tool", content='{"moons": 2}'),
    ]
    needs = pb.Needs(locked_deployment=name)
    answer = stub.Route(pb.RouteRequest(messages=messages, needs=needs))
    assert answer.deployment == name
    assert [one for one, reasons in why(answer).items() if reasons == ["LOCKED_ELSEWHERE"]] == [
        one for one in (LLAMA, HAIKU, SONNET) if one != name
    ]


def test_a_lock_that_cannot_be_kept_is_an_error_and_no_other_choice(
    stub: RouterServiceStub,
) -> None:
    needs = pb.Needs(locked_deployment=LLAMA, tools=True)
    with pytest.raises(grpc.RpcError) as caught:
        stub.Route(pb.RouteRequest(prompt=QUESTION, needs=needs))
    assert caught.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    assert f"{LLAMA}: TOOLS" in caught.value.details()


def test_a_model_that_others_sell_no_more_still_serves_on_ones_own_pool(
    catalog_file: Path, tmp_path: Path, artifact: Artifact
) -> None:
    path = catalog_with_pool(catalog_file, tmp_path, "http://127.0.0.1:9/metrics")
    *others, own = load_catalog(path).deployments
    assert own.pool
    own = replace(own, retired_on=DAY, price_problem="retired")
    catalog = replace(load_catalog(path), deployments=(*others, own))
    engine = build_engine(artifact, catalog)
    for needs in (Needs(), Needs(no_third_party=True)):
        decision = engine.route(Request((Message("user", QUESTION),), needs=needs))
        assert decision.estimates[-1].ineligible == ()


def test_a_retired_model_is_said_to_be_retired_and_not_merely_unpriced(engine: Engine) -> None:
    first, *others = engine.catalog.deployments
    retired = replace(first, price=None, retired_on=DAY, price_problem="retired")
    catalog = replace(engine.catalog, deployments=(retired, *others))
    decision = replace(engine, catalog=catalog).route(Request((Message("user", QUESTION),)))
    assert decision.estimates[0].ineligible == (IneligibleReason.RETIRED,)
    assert decision.chosen.deployment in others
