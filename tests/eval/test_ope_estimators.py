"""Every estimator against known truth, against the others, and against its own definition."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.ope.dr import dr
from eval.ope.estimate import off_policy_report
from eval.ope.interval import asymptotic_interval, bootstrap_interval, t_quantile
from eval.ope.ips import ips
from eval.ope.log import LoggedDecisions
from eval.ope.simulate import World, explore, one_hot, performance
from eval.ope.snips import snips
from eval.ope.support import importance_weights, overlap
from router.errors import DataError

ACTIONS = ("small", "medium", "large")


def made_up_log(n: int = 400, seed: int = 0, epsilon: float = 0.3, repeats: int = 1):
    """A log of an epsilon-greedy policy over three tiers, and a candidate."""
    rng = np.random.default_rng(seed)
    hard = np.repeat(rng.random(n // repeats), repeats)
    chance = np.stack((1 - hard, 1 - 0.6 * hard, 1 - 0.2 * hard), axis=1)
    propensity = explore(one_hot((hard > 0.5).astype(int) * 2, 3), epsilon)
    action = (rng.random((n, 1)) > propensity.cumsum(axis=1)).sum(axis=1)
    picked = np.arange(n), action
    log = LoggedDecisions(
        actions=ACTIONS,
        context_ids=np.array([f"r{i}" for i in range(n)]),
        clusters=np.array([f"u{i // repeats}" for i in range(n)]),
        action=action,
        propensity=propensity,
        reward=(rng.random(n) < chance[picked]).astype(float),
        cost_usd=np.array([1.0, 4.0, 20.0])[action] * (1 + rng.random(n)),
        predicted_reward=chance,
        predicted_cost_usd=np.tile((1.5, 6.0, 30.0), (n, 1)),
    )
    return log, one_hot((hard > 0.3).astype(int), 3)


def test_the_policy_that_logged_is_estimated_as_the_plain_mean():
    log, _ = made_up_log()
    weights = importance_weights(log, log.propensity)
    assert (weights == 1).all()
    assert overlap(weights).effective_size == pytest.approx(len(weights))
    for terms in (ips(weights, log.reward), snips(weights, log.reward)):
        assert terms.value == pytest.approx(log.reward.mean())


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 1000), st.floats(-3, 3))
def test_a_constant_added_to_every_outcome_moves_snips_by_itself_and_its_interval_not(seed, shift):
    log, candidate = made_up_log(120, seed)
    weights = importance_weights(log, candidate)
    before = asymptotic_interval(snips(weights, log.reward), log.clusters)
    after = asymptotic_interval(snips(weights, log.reward + shift), log.clusters)
    assert after.value == pytest.approx(before.value + shift)
    assert after.high - after.low == pytest.approx(before.high - before.low)


def test_ips_of_outcomes_that_are_all_1_is_the_mean_weight_and_snips_is_1():
    log, candidate = made_up_log()
    weights = importance_weights(log, candidate)
    ones = np.ones(len(weights))
    assert ips(weights, ones).value == pytest.approx(overlap(weights).mean_weight)
    assert snips(weights, ones).value == pytest.approx(1)


def test_dr_with_a_perfect_model_is_the_models_mean_whatever_was_logged():
    log, candidate = made_up_log()
    model = np.tile((0.2, 0.5, 0.9), (400, 1))
    weights = importance_weights(log, candidate)
    taken = log.taken(model)
    terms = dr(weights, taken, model, taken, candidate)
    assert terms.value == pytest.approx((candidate * model).sum(axis=1).mean())


def test_dr_with_a_model_that_says_0_is_ips():
    log, candidate = made_up_log()
    weights = importance_weights(log, candidate)
    nothing = np.zeros((400, 3))
    terms = dr(weights, log.reward, nothing, np.zeros(400), candidate)
    assert terms.value == pytest.approx(ips(weights, log.reward).value)


@pytest.mark.parametrize("repeats", [1, 3])
def test_intervals_cover_the_truth_as_often_as_they_say(repeats: int):
    """1,000 logs of 500 clusters each, with a good model and with one that says one half."""
    rng = np.random.default_rng(1)
    chance = np.sort(rng.beta(2, 2, (3000, 3)), axis=1)
    outcome = (rng.random((3000, 3)) < chance).astype(float)
    propensity = explore(one_hot((chance[:, 0] < 0.3).astype(int) * 2, 3), 0.3)
    candidate = one_hot((chance[:, 0] < 0.5).astype(int), 3)
    for predicted in (chance, np.full_like(chance, 0.5)):
        world = World(outcome, predicted, propensity, candidate)
        for one in performance(world, 500, repeats, logs=1000, seed=2):
            assert one.asymptotic >= 0.93, one
            assert one.bootstrap >= 0.92, one
            assert abs(one.bias) < 0.2 * one.rmse, one


def test_a_good_model_makes_dr_the_sharpest():
    log, candidate = made_up_log(2000)
    report = off_policy_report(log, candidate, draws=200)
    width = {
        name: one.asymptotic.high - one.asymptotic.low
        for name in ("ips", "snips", "dr")
        if (one := report.of("cost_usd", name)) is not None
    }
    assert width["dr"] < width["snips"] < width["ips"]


def test_the_interval_of_a_plain_mean_is_the_t_interval():
    log, _ = made_up_log(400)
    interval = asymptotic_interval(ips(np.ones(400), log.cost_usd), log.clusters)
    error = log.cost_usd.std(ddof=1) / 20
    assert (interval.high - interval.low) / (2 * error) == pytest.approx(1.97, abs=0.02)


def test_decisions_of_one_cluster_widen_the_interval():
    log, candidate = made_up_log(600, repeats=6)
    terms = snips(importance_weights(log, candidate), log.reward)
    alone = np.array([f"{i}" for i in range(600)])
    clustered, independent = (
        bootstrap_interval(terms, names, 400, 0) for names in (log.clusters, alone)
    )
    assert clustered.value == independent.value
    assert clustered.high - clustered.low > independent.high - independent.low


@pytest.mark.parametrize("freedom", [3, 4, 10, 100])
def test_the_t_quantile_is_near_scipys(freedom: int):
    stats = pytest.importorskip("scipy.stats")
    exact = stats.t.ppf(0.975, freedom)
    assert t_quantile(np.array(float(freedom))) == pytest.approx(exact, rel=0.01)


def test_a_candidate_the_log_could_not_have_followed_is_refused_with_counts():
    log, candidate = made_up_log(100, epsilon=0.0)
    with pytest.raises(DataError, match=r"medium: \d+ decisions") as caught:
        importance_weights(log, candidate)
    assert caught.value.reason == "OPE_NO_SUPPORT"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"propensity": np.full((100, 3), 0.5)}, "add up to 1"),
        ({"propensity": np.full((100, 2), 0.5)}, "shape"),
        ({"reward": np.full(100, np.nan)}, "finite"),
        ({"action": np.full(100, 3)}, "numbered 0 to 2"),
        ({"action": np.ones(100, dtype=int)}, "propensity 0"),
        ({"actions": ()}, "at least 1"),
    ],
)
def test_a_log_that_cannot_be_right_is_refused(change, message: str):
    log, _ = made_up_log(100, epsilon=0.0)
    fields = {name: getattr(log, name) for name in LoggedDecisions.__dataclass_fields__}
    with pytest.raises(DataError, match=message):
        LoggedDecisions(**{**fields, **change})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda log, c: importance_weights(log, c[:, :2]), "shape"),
        (lambda log, c: importance_weights(log, c / 2), "add up to 1"),
        (lambda log, c: importance_weights(log, one_hot((log.action + 1) % 3, 3)), "none of the"),
        (
            lambda log, c: asymptotic_interval(ips(log.reward, log.reward), np.full(100, "u")),
            "two clusters",
        ),
        (
            lambda log, c: asymptotic_interval(snips(np.eye(100)[0], log.reward), log.clusters),
            "one cluster",
        ),
        (
            lambda log, c: bootstrap_interval(ips(log.reward, log.reward), log.clusters, 0, 0),
            "at least one draw",
        ),
    ],
)
def test_questions_without_an_answer_are_refused(call, message: str):
    log, candidate = made_up_log(100)
    with pytest.raises(DataError, match=message):
        call(log, candidate)
