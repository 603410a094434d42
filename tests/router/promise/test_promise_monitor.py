"""The monitor seldom cries wolf, at any time, and notices a shift after a long quiet past."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import DataError
from router.promise.monitor import LEVELS, MonitorPlan, MonitorState, observe, start_monitor
from router.promise.saved import monitor_from_json, monitor_to_json
from router.promise.wealth import after_loss, initial_wealth, total

ONE = np.ones(1)


def rejection_audits(
    risk: np.ndarray, alpha: float, delta: float, paths: int, seed: int
) -> np.ndarray:
    """At which audit each simulated path rejects, counting from 1; 0 where it never does."""
    rng = np.random.default_rng(seed)
    wealth, at = initial_wealth((paths,)), np.zeros(paths, dtype=int)
    for seen, chance in enumerate(risk):
        loss = (rng.random(paths) < chance).astype(float)
        wealth = after_loss(wealth, seen, loss, ONE, np.array([alpha]))
        at[(at == 0) & (total(wealth) >= 1 / delta)] = seen + 1
    return at


@pytest.mark.parametrize("alpha", [0.01, 0.05, 0.3])
def test_a_kept_promise_is_rejected_at_any_of_2000_audits_with_probability_at_most_delta(alpha):
    at = rejection_audits(np.full(2000, alpha), alpha, delta=0.05, paths=2000, seed=1)
    assert (at > 0).mean() <= 0.05


def test_a_kept_promise_of_changing_risk_is_rejected_no_more_often():
    risk = np.where(np.arange(2000) % 400 < 200, 0.001, 0.05)
    at = rejection_audits(risk, 0.05, delta=0.05, paths=2000, seed=2)
    assert (at > 0).mean() <= 0.05


@pytest.mark.parametrize(
    ("quiet", "risk", "median_at_most"),
    [(0, 0.2, 60), (0, 0.1, 300), (500, 0.2, 120), (2000, 0.2, 160)],
)
def test_a_shift_is_noticed_within_a_known_number_of_audits(quiet, risk, median_at_most):
    path = np.concatenate((np.full(quiet, 0.03), np.full(1500, risk)))
    at = rejection_audits(path, alpha=0.05, delta=0.05, paths=200, seed=3)
    assert (at > 0).mean() > 0.97
    assert np.median(at - quiet) <= median_at_most


def test_audits_with_unequal_probabilities_test_the_mean_over_all_requests():
    """Lossy requests are audited ten times as often; their share must not look like a shift."""
    rng = np.random.default_rng(4)
    paths, requests, alpha, floor = 400, 4000, 0.05, 0.1
    wealth = initial_wealth((paths,))
    rejected, naive = np.zeros(paths, dtype=bool), np.zeros((2, paths))
    for seen in range(requests):
        risky = rng.random(paths) < 0.2
        probability = np.where(risky, 1.0, floor)
        loss = (risky & (rng.random(paths) < alpha / 0.2)).astype(float)
        drawn = rng.random(paths) < probability
        after = after_loss(wealth, seen, loss, floor / probability, np.array([alpha]))
        wealth = np.where(drawn[:, None], after, wealth)
        rejected |= total(wealth) >= 20
        naive += drawn * np.stack((loss, np.ones(paths)))
    assert rejected.mean() <= 0.05
    assert (naive[0] / naive[1]).mean() > 2 * alpha  # what an unweighted mean would claim


def watch(losses: list[float], plan: MonitorPlan) -> MonitorState:
    state = start_monitor(plan)
    for loss in losses:
        state = observe(state, loss, plan.least_audit_probability)
    return state


def test_the_lower_bound_stays_below_the_true_mean_at_all_times_together():
    rng = np.random.default_rng(5)
    plan = MonitorPlan(0.05, 0.1, 1.0)
    above = sum(
        watch((rng.random(400) < 0.2).astype(float).tolist(), plan).lower_bound > 0.2
        for _ in range(60)
    )
    assert above <= 60 * 0.1 + 7  # three standard errors


def test_the_lower_bound_comes_close_to_the_mean():
    losses = (np.random.default_rng(6).random(1500) < 0.2).astype(float).tolist()
    state = watch(losses, MonitorPlan(0.05, 0.05, 0.02))
    assert 0.13 < state.lower_bound < 0.2
    assert state.mean_loss == pytest.approx(np.mean(losses))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 1), max_size=60), st.integers(0, LEVELS.size - 1))
def test_a_level_is_rejected_exactly_when_the_lower_bound_reaches_it(losses, index):
    level = float(LEVELS[index])
    state = watch(losses, MonitorPlan(level, 0.2, 1.0))
    assert state.rejected == (state.lower_bound >= level)


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0, 1), min_size=1, max_size=40))
def test_wealth_never_turns_negative_and_evidence_never_falls(losses):
    plan = MonitorPlan(0.05, 0.05, 0.5)
    states = [start_monitor(plan)]
    for loss in losses:
        states.append(observe(states[-1], loss, 0.5 if loss < 0.5 else 1.0))
    assert all((state.wealth >= 0).all() for state in states)
    evidence = [state.greatest_evidence for state in states]
    assert evidence == sorted(evidence)
    assert 0 < states[-1].p_value <= 1


def test_the_expected_wealth_after_a_loss_of_mean_alpha_is_the_wealth_before():
    wealth = initial_wealth((2,))
    after = after_loss(wealth, 7, np.array([0.0, 1.0]), ONE, np.array([0.1]))
    assert total(after) @ (0.9, 0.1) == pytest.approx(1.0)


def test_a_state_survives_json_and_goes_on_as_before():
    state = watch([0.0, 1.0, 0.5], MonitorPlan(0.05, 0.05, 0.02))
    again = monitor_from_json(monitor_to_json(state))
    assert monitor_to_json(observe(again, 1.0, 0.02)) == monitor_to_json(observe(state, 1.0, 0.02))


def test_observing_leaves_the_state_before_as_it_was():
    before = start_monitor(MonitorPlan(0.05, 0.05, 1.0))
    observe(before, 1.0, 1.0)
    assert before.audits == 0
    assert total(before.wealth) == pytest.approx(np.ones(1 + LEVELS.size))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: MonitorPlan(0.0, 0.05, 0.02), "above 0"),
        (lambda: MonitorPlan(0.05, 1.0, 0.02), "below 1"),
        (lambda: MonitorPlan(0.05, 0.05, 1.5), "at most 1"),
        (lambda: observe(start_monitor(MonitorPlan(0.05, 0.05, 0.02)), 1.2, 0.02), "loss lies"),
        (lambda: observe(start_monitor(MonitorPlan(0.05, 0.05, 0.02)), 1.0, 0.01), "0.02 to 1"),
        (lambda: monitor_from_json('{"format": 1}'), "missing"),
    ],
)
def test_plans_and_audits_out_of_range_are_refused(call, message: str):
    with pytest.raises(DataError, match=message):
        call()
