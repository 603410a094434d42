"""The pieces of the promise's simulation, each against something known."""

import numpy as np
import pytest

from eval.promise.clusters import fit_clusters, spread
from eval.promise.contract_tables import contract_lines
from eval.promise.draws import (
    ALWAYS_TOP,
    draw_totals,
    learn_then_test,
    outcome,
    truth_of,
    tuned,
)
from eval.promise.logistic import fit_logistic
from eval.promise.order_tables import order_lines
from eval.promise.populations import Population
from eval.promise.shift import harmed_requests, watch_paths
from eval.promise.shift_tables import delay_lines, quiet_lines, shift_lines
from eval.promise.topic_tables import (
    RULES,
    calibrations,
    group_lines,
    rows_of,
    summary_lines,
    truth,
)
from router.errors import DataError
from router.promise.contract import DEFAULT_GRID, contract, count_losses
from router.promise.rule import realised_loss
from router.promise.topics import Topics


def population(n: int = 3000, seed: int = 0, bias: float = 0.0) -> Population:
    """Two tiers; ``bias`` makes the lower one worse than it is predicted to be."""
    rng = np.random.default_rng(seed)
    weak = rng.beta(3, 2, n)
    strong = 0.7 + 0.3 * weak
    truth = np.stack((weak - bias, strong), axis=1)
    return Population(
        name="made up",
        adequacy=np.stack((weak, strong), axis=1),
        loss=realised_loss(rng.random((n, 2)) < truth),
        cost_usd=np.tile((0.0, 1.0), (n, 1)),
        topic=np.where(weak > 0.6, "easy", "hard"),
        task=np.full(n, "one"),
    )


def test_logistic_regression_recovers_the_weights_that_made_the_labels():
    rng = np.random.default_rng(1)
    inputs = rng.normal(size=(20_000, 2))
    chance = 1 / (1 + np.exp(-(inputs @ (1.5, -0.5) + 0.3)))
    head = fit_logistic(inputs, rng.random(20_000) < chance, ridge=1e-3)
    np.testing.assert_allclose(head.weights, (1.5, -0.5, 0.3), atol=0.08)
    np.testing.assert_allclose(head.probability(inputs[:50]), chance[:50], atol=0.03)


def test_bounded_inputs_keep_unlike_traffic_from_saturating_the_head():
    rng = np.random.default_rng(2)
    inputs = rng.normal(size=(500, 1))
    labels = rng.random(500) < 1 / (1 + np.exp(-inputs[:, 0]))
    far = np.array([[1000.0]])
    assert fit_logistic(inputs, labels, 1.0).probability(far)[0] < 0.99
    assert fit_logistic(inputs, labels, 1.0, np.inf).probability(far)[0] > 0.9999


@pytest.mark.parametrize(
    ("labels", "ridge"), [(np.ones(4, bool), 1.0), (np.array([1, 0, 1, 0], bool), 0.0)]
)
def test_a_head_that_cannot_be_fitted_is_refused(labels, ridge: float):
    with pytest.raises(DataError, match="both kinds"):
        fit_logistic(np.zeros((4, 2)), labels, ridge)


def test_clusters_find_groups_that_lie_apart():
    rng = np.random.default_rng(3)
    rows = np.concatenate([rng.normal(at, 0.1, (50, 2)) for at in (0.0, 5.0, -5.0)])
    centres = fit_clusters(rows, 3, seed=1)
    places = Topics(("a", "b", "c"), centres).of(rows)
    assert {len(set(places[at : at + 50].tolist())) for at in (0, 50, 100)} == {1}
    assert spread(rows, centres) < spread(rows, centres[:2])
    with pytest.raises(DataError):
        fit_clusters(rows[:2], 3, seed=0)


def test_simulated_calibration_is_the_contract_that_is_served():
    people = population()
    truth = truth_of(people, "any")
    rows = np.random.default_rng(4).integers(0, 3000, 400)
    totals = np.rint(truth.losses[rows].sum(axis=0, keepdims=True)).astype(np.int64)
    terms = contract(count_losses(people.adequacy[rows], people.loss[rows]), 0.08, 0.1)
    place = learn_then_test(totals, 400, 0.08, 0.1)[0]
    assert terms.threshold == DEFAULT_GRID[place]


def test_the_contract_is_broken_seldom_and_a_tuned_threshold_often():
    truth = truth_of(population(), "lowest")
    totals = draw_totals(truth, 300, 400, np.random.default_rng(5))
    kept = outcome(truth, learn_then_test(totals, 300, 0.05, 0.1), 0.05)
    tried = outcome(truth, tuned(totals, 300, 0.05), 0.05)
    assert kept.broken <= 0.13
    assert tried.broken > 0.3
    assert tried.cost_share < kept.cost_share < 1


def test_always_top_loses_nothing_and_costs_all():
    truth = truth_of(population(), "any")
    nothing = outcome(truth, np.full(3, ALWAYS_TOP), 0.05)
    assert (nothing.broken, nothing.risk, nothing.always_top) == (0, 0, 1)
    assert (nothing.below_top, nothing.cost_share) == (0, 1)


def test_a_watch_counts_losses_after_the_shift_only_and_harm_follows_the_audit_share():
    rng = np.random.default_rng(6)
    before, after = np.full(400, 0.01), np.full(400, 0.3)
    watch = watch_paths(before, after, 100, 600, 0.05, 0.05, rng)
    assert watch.rejected.all()
    late = watch.rejected_at - 100
    assert (watch.audited_losses <= late).all()
    requests, harmed = harmed_requests(watch, after, 100, 0.02, rng)
    assert requests.mean() == pytest.approx(late.mean() / 0.02, rel=0.1)
    assert harmed.sum() / requests.sum() == pytest.approx(0.3, rel=0.05)


def test_one_contract_for_all_breaks_a_topic_that_a_contract_per_topic_keeps():
    fair, biased = population(), population(seed=1, bias=0.15)
    both = Population(
        name="both",
        adequacy=np.concatenate((fair.adequacy, biased.adequacy)),
        loss=np.concatenate((fair.loss, biased.loss)),
        cost_usd=np.concatenate((fair.cost_usd, biased.cost_usd)),
        topic=np.repeat(("fair", "biased"), 3000),
        task=np.full(6000, "one"),
    )
    rows, flat = rows_of(both), np.full(6000, 1 / 6000)
    chosen = calibrations(rows, flat, 0.1, 400, np.random.default_rng(2))
    known = truth(rows, flat)
    place = rows.topics.index("biased")
    in_biased = {rule: known.loss[place, chosen[rule][:, place]] * 2 > 0.1 for rule in RULES}
    assert in_biased["one for all"].mean() > 0.9
    assert in_biased["per topic, joint"].mean() <= 0.05
    costs = [known.cost_share(chosen[rule]).mean() for rule in RULES]
    assert costs[1] <= costs[2] <= 1.0
    assert (known.risk(chosen["one for all"]) > 0.1).mean() <= 0.1


def test_every_table_has_as_many_cells_as_its_head(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("eval.promise.topic_tables.RESAMPLES", 4)
    home, away = population(), population(seed=1, bias=0.3)
    tables = (
        contract_lines([home], (0.05,), 20, 0, (200,)),
        summary_lines(home, (0.05,), 20, 0),
        group_lines(home, home.topic, 0.05, 20, 0),
        shift_lines([(home, away)], (0.05,), 20, 0),
        quiet_lines([(home, away)], (0.05,), 20, 0),
        delay_lines(0.05, 20, 0)[:3],
        order_lines(0.05, 0.1, 10, 0),
    )
    for lines in tables:
        assert len(lines) > 2
        assert len({line.count("|") for line in lines}) == 1
