"""The two rules: what holds for every set of candidates and every goal."""

from datetime import date

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cost.price import Price
from router.errors import InvalidRequestError
from router.policy import choose, savings_baseline
from router.types import Capabilities, DecisionReason, Deployment, Estimate, Goal

FREE = Price(0.0, 0.0, date(2025, 4, 1), "test")
# Binary fractions, so that adequacy - cost / pay is exact and ties are real ties.
SHARES = st.integers(0, 64).map(lambda number: number / 64)
PAYS = st.integers(-6, 6).map(lambda power: 2.0**power)


def candidate(adequacy: float, cost_usd: float, tier: str = "t", name: str = "d") -> Estimate:
    deployment = Deployment(name, tier, "api", "p", "m", Capabilities(1, 1), FREE)
    return Estimate(deployment, adequacy, cost_usd, 1.0, 1.0)


CANDIDATES = st.lists(st.builds(candidate, SHARES, SHARES), min_size=1, max_size=8)


@st.composite
def of_tiers(draw: st.DrawFn) -> list[Estimate]:
    """Candidates as the engine makes them: one adequacy for all deployments of a tier."""
    adequacy = draw(st.lists(SHARES, min_size=1, max_size=4))
    tiers = draw(st.lists(st.integers(0, len(adequacy) - 1), min_size=1, max_size=8))
    return [
        candidate(adequacy[tier], draw(SHARES), f"tier {tier}", f"d{i}")
        for i, tier in enumerate(tiers)
    ]


def worth(estimate: Estimate) -> tuple[float, float]:
    return estimate.adequacy, estimate.expected_cost_usd


@settings(max_examples=150, deadline=None)
@given(CANDIDATES, SHARES, SHARES)
def test_raising_the_quality_target_never_lowers_adequacy_nor_cost(
    candidates: list[Estimate], one: float, other: float
) -> None:
    lower, _ = choose(candidates, Goal(quality_target=min(one, other)))
    higher, _ = choose(candidates, Goal(quality_target=max(one, other)))
    assert higher.adequacy >= lower.adequacy
    assert higher.expected_cost_usd >= lower.expected_cost_usd


@settings(max_examples=150, deadline=None)
@given(CANDIDATES, PAYS, PAYS)
def test_raising_the_willingness_to_pay_never_lowers_adequacy_nor_cost(
    candidates: list[Estimate], one: float, other: float
) -> None:
    lower, _ = choose(candidates, Goal(willingness_to_pay_usd=min(one, other)))
    higher, _ = choose(candidates, Goal(willingness_to_pay_usd=max(one, other)))
    assert higher.adequacy >= lower.adequacy
    assert higher.expected_cost_usd >= lower.expected_cost_usd


@settings(max_examples=100, deadline=None)
@given(st.data(), CANDIDATES, SHARES, PAYS)
def test_the_order_of_candidates_changes_neither_adequacy_nor_cost_of_the_choice(
    data: st.DataObject, candidates: list[Estimate], target: float, pay: float
) -> None:
    shuffled = data.draw(st.permutations(candidates))
    for goal in (Goal(quality_target=target), Goal(willingness_to_pay_usd=pay)):
        assert worth(choose(candidates, goal)[0]) == worth(choose(shuffled, goal)[0])
    by_tier = [item._replace(adequacy=0.5) for item in candidates]
    shuffled = data.draw(st.permutations(by_tier))
    assert worth(savings_baseline(by_tier)) == worth(savings_baseline(shuffled))


@settings(max_examples=100, deadline=None)
@given(CANDIDATES, SHARES)
def test_the_reason_says_whether_the_choice_reaches_the_target(
    candidates: list[Estimate], target: float
) -> None:
    chosen, reason = choose(candidates, Goal(quality_target=target))
    assert (reason is DecisionReason.TARGET_MET) == (chosen.adequacy >= target)
    if reason is DecisionReason.TARGET_MET:
        cheaper = [c for c in candidates if c.expected_cost_usd < chosen.expected_cost_usd]
        assert all(c.adequacy < target for c in cheaper)
    else:
        assert reason is DecisionReason.TARGET_UNREACHABLE
        assert chosen.adequacy == max(c.adequacy for c in candidates)


@settings(max_examples=100, deadline=None)
@given(CANDIDATES, PAYS)
def test_no_candidate_beats_the_trade_off_chosen(candidates: list[Estimate], pay: float) -> None:
    chosen, reason = choose(candidates, Goal(willingness_to_pay_usd=pay))
    assert reason is DecisionReason.BEST_TRADE_OFF
    best = max(c.adequacy - c.expected_cost_usd / pay for c in candidates)
    assert chosen.adequacy - chosen.expected_cost_usd / pay == best


@settings(max_examples=100, deadline=None)
@given(of_tiers(), SHARES, PAYS)
def test_the_choice_never_costs_more_than_the_dearest_tiers_cheapest_deployment(
    candidates: list[Estimate], target: float, pay: float
) -> None:
    baseline = savings_baseline(candidates)
    for goal in (Goal(quality_target=target), Goal(willingness_to_pay_usd=pay)):
        chosen, _ = choose(candidates, goal)
        assert chosen.expected_cost_usd <= baseline.expected_cost_usd
        if chosen.deployment.tier == baseline.deployment.tier:
            assert chosen.expected_cost_usd == baseline.expected_cost_usd


def test_of_equally_cheap_candidates_the_more_adequate_one_is_chosen() -> None:
    pair = [candidate(0.7, 1.0), candidate(0.9, 1.0)]
    for goal in (Goal(quality_target=0.5), Goal(willingness_to_pay_usd=1e-20)):
        assert choose(pair, goal)[0].adequacy == 0.9


def test_of_candidates_worth_the_same_the_cheaper_one_is_chosen() -> None:
    pair = [candidate(0.75, 0.5), candidate(0.5, 0.25)]
    assert choose(pair, Goal(willingness_to_pay_usd=1.0))[0].expected_cost_usd == 0.25


@pytest.mark.parametrize("goal", [Goal(), Goal(quality_target=0.5, willingness_to_pay_usd=0.01)])
def test_a_goal_with_neither_or_both_rules_is_refused(goal: Goal) -> None:
    with pytest.raises(InvalidRequestError, match="exactly one of quality_target and") as caught:
        choose([candidate(0.5, 1.0)], goal)
    assert caught.value.reason == "GOAL_AMBIGUOUS"
