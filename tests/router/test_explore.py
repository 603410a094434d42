"""Exploration stays within what the goal allows, and the propensities are those that decide."""

import os
from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.chance import audit_chance, exploration_chance, picked
from router.engine import Engine
from router.explore import explored, open_choices, propensities
from router.promise.calibrated import Promise
from router.promise.contract import CalibrationCounts
from router.types import Contract, Decision, DecisionReason, Goal, Message, Prediction, Request

TIERS = ("small", "medium", "large")
ASK = Request((Message("user", "How tall is the tower?"),))
COUNTS = CalibrationCounts((0.0, 0.1, 0.3), (0.0, 0.0, 100.0), 1000, True, "any")
GOALS = {
    "target": Goal(quality_target=0.8),
    "out of reach": Goal(quality_target=0.99),
    "trade-off": Goal(willingness_to_pay_usd=0.02),
    "contract": Goal(contract=Contract(0.05)),
}
ADEQUACY = (0.7, 0.85, 0.9)
ALLOWED = {
    "target": {"medium", "large"},
    "out of reach": {"large"},
    "trade-off": {"small", "medium", "large"},
    "contract": {"medium", "large"},
}


@pytest.fixture(scope="module")
def promising(engine: Engine) -> Engine:
    return replace(engine, artifact=replace(engine.artifact, promise=Promise(COUNTS)))


def decide(engine: Engine, goal: Goal, adequacy: tuple[float, ...] = ADEQUACY) -> Decision:
    return engine.decide(ASK._replace(goal=goal), Prediction(adequacy, (50.0,) * 3), 50.0)


@pytest.mark.parametrize("name", GOALS)
def test_what_may_be_explored_is_what_the_goal_allows(promising: Engine, name: str):
    decision = decide(promising, GOALS[name])
    choices = open_choices(decision, TIERS)
    assert {one.deployment.tier for one in choices} == ALLOWED[name]
    assert decision.chosen in choices
    odds = propensities(decision, 0.3, TIERS)
    assert {tier for tier, chance in odds.items() if chance > 0} == ALLOWED[name]
    assert tuple(odds) == TIERS


@pytest.mark.parametrize("covers", ["lowest", "any"])
def test_a_contract_that_covers_the_lowest_permitted_tier_only_is_not_explored(
    engine: Engine, covers
):
    promise = Promise(replace(COUNTS, covers=covers))
    under = replace(engine, artifact=replace(engine.artifact, promise=promise))
    choices = open_choices(decide(under, GOALS["contract"]), TIERS)
    assert len(choices) == (1 if covers == "lowest" else 2)


def test_a_suspended_contract_is_not_explored(promising: Engine):
    under = replace(promising, suspensions=type(promising.suspensions)())
    under.suspensions.add([(Contract(0.05), "")])
    decision = decide(under, GOALS["contract"], (0.95, 0.95, 0.9))
    assert decision.reason is DecisionReason.CONTRACT_SUSPENDED
    assert [one.deployment.tier for one in open_choices(decision, TIERS)] == ["large"]


@settings(max_examples=60, deadline=None)
@given(
    adequacy=st.tuples(*[st.floats(0.0, 1.0)] * 3),
    goal=st.sampled_from(sorted(GOALS)),
    share=st.floats(0.0, 1.0),
)
def test_propensities_are_a_distribution_and_an_explored_decision_is_always_possible(
    promising: Engine, adequacy, goal: str, share: float
):
    decision = decide(promising, GOALS[goal], adequacy)
    odds = propensities(decision, share, TIERS)
    assert sum(odds.values()) == pytest.approx(1.0)
    taken = explored(decision, share, TIERS)
    assert odds[taken.chosen.deployment.tier] > 0
    assert not taken.chosen.ineligible


def test_tiers_are_taken_as_often_as_the_propensities_say(promising: Engine):
    decision = decide(promising, GOALS["trade-off"])
    odds, draws = propensities(decision, 0.4, TIERS), 20_000
    ids = (os.urandom(16).hex() for _ in range(draws))
    taken = Counter(
        explored(decision._replace(decision_id=one), 0.4, TIERS).chosen.deployment.tier
        for one in ids
    )
    for tier in TIERS:  # six standard errors: fails once in 10^8 runs
        allowed = 6 * (odds[tier] * (1 - odds[tier]) / draws) ** 0.5
        assert abs(taken[tier] / draws - odds[tier]) <= allowed


def test_a_decision_says_when_it_was_explored_and_its_id_repeats_the_draw(promising: Engine):
    decision = decide(promising, GOALS["trade-off"])
    taken = [
        explored(decision._replace(decision_id=f"{0:016x}{pick:016x}"), 0.5, TIERS)
        for pick in range(3)
    ]
    assert {one.chosen.deployment.tier for one in taken} == set(TIERS)
    for one in taken:
        same = one.chosen is decision.chosen
        assert one.reason is (decision.reason if same else DecisionReason.EXPLORED)


def test_parts_of_an_id_draw_different_things():
    assert audit_chance("80000000" + "0" * 24) == 0.5
    assert exploration_chance("0" * 8 + "40000000" + "0" * 16) == 0.25
    assert picked("0" * 16 + "f".rjust(16, "0"), 4) == 3
    assert audit_chance("f" * 32) < 1.0
