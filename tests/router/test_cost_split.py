"""An answer splits each candidate's cost when it is asked to, and else says nothing of it."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from price_rows import DAY

from router.cost.price import Band, Price, Rates
from router.engine import Engine
from router.predict.length_bounds import LengthBounds
from router.server.answer import Answers
from router.server.cost_split import with_cost_split
from router.types import Message, Request
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

QUESTION = "How long does bread keep when it is sliced, and how when it is not?"
RATES = Rates(1.0, 0.1, 1.25, 2.0, 5.0, 6.0)


def test_parts_add_up_to_the_expected_cost(stub: RouterServiceStub) -> None:
    answer = stub.Route(pb.RouteRequest(prompt=QUESTION, explain_cost=True))
    for candidate in answer.candidates:
        split = candidate.cost_split
        parts = (
            split.uncached_input_usd, split.cache_read_usd, split.cache_write_usd,
            split.output_usd, split.reasoning_usd, split.request_usd,
        )  # fmt: skip
        assert sum(parts) == pytest.approx(candidate.expected_cost_usd)
        assert min(split.uncached_input_usd, split.output_usd) > 0.0
        assert not split.HasField("batch_usd")


def test_without_being_asked_an_answer_splits_nothing(stub: RouterServiceStub) -> None:
    answer = stub.Route(pb.RouteRequest(prompt=QUESTION))
    assert not any(candidate.HasField("cost_split") for candidate in answer.candidates)


def test_each_request_of_a_batch_is_asked_for_itself(stub: RouterServiceStub) -> None:
    requests = [pb.RouteRequest(prompt=QUESTION, explain_cost=asked) for asked in (True, False)]
    results = stub.RouteBatch(pb.RouteBatchRequest(requests=requests)).results
    assert [one.response.candidates[0].HasField("cost_split") for one in results] == [True, False]


def test_fees_and_batch_prices_are_told_and_an_unknown_price_is_not_split(engine: Engine) -> None:
    priced = Price(1.0, 5.0, DAY, "a list", (Band(0, RATES),), usd_per_request=0.25)
    first, second, third = engine.catalog.deployments
    deployments = (
        replace(first, price=priced, batch_price=Price(0.5, 2.5, DAY, "a list")),
        replace(second, price=None),
        third,
    )
    engine = replace(engine, catalog=replace(engine.catalog, deployments=deployments))
    decision = engine.route(Request((Message("user", QUESTION),)))
    answer = Answers(engine.catalog, "").write(decision, "")
    asked = pb.RouteRequest(prompt=QUESTION, explain_cost=True)
    ours, unknown, _ = with_cost_split(asked, decision, answer, engine.artifact).candidates
    assert ours.cost_split.request_usd == 0.25
    assert ours.cost_split.batch_usd == pytest.approx((ours.expected_cost_usd - 0.25) / 2)
    assert not unknown.HasField("cost_split")


def test_the_interval_of_a_cost_widens_with_its_upper_length(engine: Engine) -> None:
    bounds = LengthBounds(0.9, ((), (), ()), ((1.0,), (1.5,), (5.0,)))
    bounded = replace(engine, artifact=replace(engine.artifact, length_bounds=bounds))
    asked = pb.RouteRequest(prompt=QUESTION, explain_cost=True)
    decision = bounded.route(Request((Message("user", QUESTION),)))
    answer = Answers(engine.catalog, "", bounds).write(decision, "")
    certain, usual, wild = with_cost_split(asked, decision, answer, bounded.artifact).candidates
    assert certain.cost_split.median_usd == pytest.approx(certain.expected_cost_usd)
    assert certain.cost_split.p95_usd == pytest.approx(certain.expected_cost_usd)
    for candidate in (usual, wild):
        split = candidate.cost_split
        assert split.median_usd < candidate.expected_cost_usd < split.p95_usd
        assert split.p95_usd >= candidate.upper_cost_usd * 0.99  # whole tokens there


@settings(max_examples=100, deadline=None)
@given(st.floats(1.0, 2.2), st.floats(1.0, 5000.0))
def test_a_log_normal_has_the_bound_as_its_quantile_and_the_expectation_as_its_mean(
    factor: float, expected: float
) -> None:
    bounds = LengthBounds(0.9, ((),), ((factor,),))
    assert bounds.quantile(0, expected, 0.9) == pytest.approx(bounds.upper(0, expected))
    shares = [(place + 0.5) / 4000 for place in range(4000)]
    mean = sum(1.0 + bounds.quantile(0, expected, share) for share in shares) / 4000
    if factor < 1.5:
        assert mean == pytest.approx(1.0 + expected, rel=0.01)
