"""A decision from end to end: who may serve, what it costs, and that the rule sees only those."""

import math
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cost.tokens import estimate_conversation_tokens
from router.engine import Engine, build_engine
from router.errors import ArtifactError, NoCandidateError
from router.predict.artifact import Artifact
from router.types import (
    Goal,
    IneligibleReason,
    Message,
    Needs,
    Prediction,
    Request,
)

TIERS = ("small", "medium", "large")
SHARES = st.floats(0.0, 1.0)
PREDICTIONS = st.builds(
    Prediction,
    st.tuples(SHARES, SHARES, SHARES),
    st.tuples(*[st.floats(0.0, 5_000.0)] * 3),
)
GOALS = st.one_of(
    st.none(),
    st.builds(Goal, quality_target=SHARES),
    st.builds(Goal, willingness_to_pay_usd=st.floats(1e-6, 10.0)),
    st.builds(Goal, max_cost_usd=st.floats(1e-6, 1.0)),
)
REQUESTS = st.builds(
    Request,
    messages=st.just((Message("user", "Which river is longest?"),)),
    goal=GOALS,
    needs=st.builds(
        Needs,
        st.sampled_from([0, 8192, 200_000, 300_000]),
        st.booleans(),
        st.booleans(),
        st.booleans(),
        st.sampled_from([frozenset(), frozenset({"us"}), frozenset({"eu", "us"})]),
    ),
    allowed_tiers=st.frozensets(st.sampled_from(TIERS)),
    denied_tiers=st.frozensets(st.sampled_from(TIERS), max_size=2),
    max_output_tokens=st.sampled_from([None, 1, 500, 4096, 8000, 200_000]),
)
SHORT = Request((Message("user", "Which river is longest?"),))
CERTAIN = Prediction((0.5, 0.75, 1.0), (100.0, 200.0, 300.0))


@settings(max_examples=150, deadline=None)
@given(request=REQUESTS, prediction=PREDICTIONS, tokens=st.floats(1.0, 250_000.0))
def test_who_may_not_serve_is_never_chosen_and_savings_are_shares(
    engine: Engine, request: Request, prediction: Prediction, tokens: float
) -> None:
    try:
        decision = engine.decide(request, prediction, tokens)
    except NoCandidateError as error:
        told = error.metadata
        assert set(told) == {item.id for item in engine.catalog.deployments}
        assert all(told.values())
        return
    chosen, dearest = decision.chosen, decision.dearest
    assert chosen.ineligible == dearest.ineligible == ()
    assert chosen in decision.estimates
    assert 0.0 <= chosen.expected_cost_usd <= dearest.expected_cost_usd
    if request.goal and request.goal.max_cost_usd:
        assert chosen.expected_cost_usd <= request.goal.max_cost_usd
    assert not request.allowed_tiers or chosen.deployment.tier in request.allowed_tiers
    assert chosen.deployment.tier not in request.denied_tiers
    assert chosen.output_tokens <= (request.max_output_tokens or math.inf)


@settings(max_examples=100, deadline=None)
@given(prediction=PREDICTIONS, one=SHARES, other=SHARES)
def test_through_the_engine_too_a_higher_target_lowers_neither_adequacy_nor_cost(
    engine: Engine, prediction: Prediction, one: float, other: float
) -> None:
    lower, higher = (
        engine.decide(SHORT._replace(goal=Goal(quality_target=target)), prediction).chosen
        for target in sorted((one, other))
    )
    assert higher.adequacy >= lower.adequacy
    assert higher.expected_cost_usd >= lower.expected_cost_usd


@pytest.mark.parametrize(
    ("changes", "tokens", "expected"),
    [
        ({"allowed_tiers": frozenset({"large"})}, 10.0, "TIER_NOT_ALLOWED"),
        ({"denied_tiers": frozenset({"small"})}, 10.0, "TIER_DENIED"),
        ({"needs": Needs(context_window_tokens=8193)}, 10.0, "CONTEXT_WINDOW"),
        ({}, 8_100.0, "CONTEXT_WINDOW"),  # 8,100 read and 100 expected do not fit 8,192
        ({"max_output_tokens": 1_000}, 7_193.0, "CONTEXT_WINDOW"),
        ({"max_output_tokens": 4_097}, 10.0, "OUTPUT_LIMIT"),
        ({"needs": Needs(tools=True)}, 10.0, "TOOLS"),
        ({"needs": Needs(vision=True)}, 10.0, "VISION"),
        ({"needs": Needs(json_schema=True)}, 10.0, "JSON_SCHEMA"),
        ({"needs": Needs(residency=frozenset({"eu", "mars"}))}, 10.0, "RESIDENCY"),
        ({"goal": Goal(max_cost_usd=1e-7)}, 10.0, "OVER_MAX_COST"),
    ],
)
def test_each_limit_alone_rules_the_smallest_deployment_out_and_says_so(
    engine: Engine, changes: dict[str, object], tokens: float, expected: str
) -> None:
    request = SHORT._replace(**changes)
    goal = engine.resolve_goal(request.goal)
    small = engine.estimator.estimates(request, goal, CERTAIN, tokens)[0]
    assert [reason.name for reason in small.ineligible] == [expected]


@pytest.mark.parametrize(
    ("changes", "tokens"),
    [
        ({"max_output_tokens": 1_000}, 7_192.0),
        ({"max_output_tokens": 4_096}, 4_096.0),
        ({"needs": Needs(8_192, residency=frozenset({"eu", "us"}))}, 10.0),
        ({"allowed_tiers": frozenset({"small"})}, 10.0),
    ],
)
def test_a_limit_that_is_just_met_rules_nobody_out(
    engine: Engine, changes: dict[str, object], tokens: float
) -> None:
    request = SHORT._replace(**changes)
    goal = engine.resolve_goal(request.goal)
    assert engine.estimator.estimates(request, goal, CERTAIN, tokens)[0].ineligible == ()


def test_an_unknown_price_is_never_taken_as_zero(artifact: Artifact, engine: Engine) -> None:
    free, *others = engine.catalog.deployments
    catalog = replace(engine.catalog, deployments=(replace(free, price=None), *others))
    decision = build_engine(artifact, catalog).decide(SHORT, CERTAIN)
    assert decision.estimates[0].ineligible == (IneligibleReason.UNKNOWN_PRICE,)
    assert math.isnan(decision.estimates[0].expected_cost_usd)
    assert decision.chosen.deployment.tier != "small"


def test_every_reason_against_a_deployment_is_listed(engine: Engine) -> None:
    request = SHORT._replace(
        needs=Needs(tools=True, vision=True, json_schema=True, residency=frozenset({"us"})),
        denied_tiers=frozenset({"small", "large"}),
    )
    with pytest.raises(NoCandidateError) as caught:
        engine.decide(request, CERTAIN)
    assert caught.value.metadata == {
        "llama-3-8b-self-hosted": "TIER_DENIED+TOOLS+VISION+JSON_SCHEMA",
        "claude-3-haiku": "JSON_SCHEMA",
        "claude-3-5-sonnet": "TIER_DENIED",
    }


def test_a_goal_that_states_only_a_limit_keeps_the_catalogs_rule(engine: Engine) -> None:
    default = engine.catalog.default_goal
    assert engine.resolve_goal(None) == default
    assert engine.resolve_goal(Goal(max_cost_usd=0.1)) == replace(default, max_cost_usd=0.1)
    own = Goal(quality_target=0.9, max_cost_usd=0.1)
    assert engine.resolve_goal(own) == own


def test_the_whole_conversation_is_priced_though_only_a_window_of_it_is_read(
    engine: Engine,
) -> None:
    messages = (Message("system", "Be brief. " * 2_000), Message("user", "Why?"))
    decision = engine.route(Request(messages))
    expected = estimate_conversation_tokens(message.content for message in messages)
    assert decision.chosen.input_tokens == expected > 2_000


def test_many_requests_are_decided_as_each_alone_with_errors_in_their_place(
    engine: Engine,
) -> None:
    nobody = SHORT._replace(needs=Needs(residency=frozenset({"mars"})))
    results = engine.route_many([SHORT, nobody, SHORT._replace(goal=Goal(quality_target=0.99))])
    assert isinstance(results[1], NoCandidateError)
    for result, request in ((results[0], SHORT), (results[2], SHORT._replace(goal=Goal(0.99)))):
        assert not isinstance(result, NoCandidateError)
        assert result.chosen.deployment == engine.route(request).chosen.deployment
    assert engine.route_many([]) == []


def test_a_catalog_with_the_tiers_in_another_order_is_refused(
    artifact: Artifact, engine: Engine
) -> None:
    reordered = replace(engine.catalog, tiers=tuple(reversed(engine.catalog.tiers)))
    with pytest.raises(ArtifactError, match="predicts for tiers"):
        build_engine(artifact, reordered)
