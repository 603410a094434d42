"""The contract keeps its promise on made-up traffic, whatever the shape of its risk."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import DataError
from router.promise.bounds import binomial_tail_table
from router.promise.contract import (
    DEFAULT_GRID,
    CalibrationCounts,
    ContractTerms,
    contract,
    count_losses,
    rejected_in_sequence,
)
from router.promise.rule import losses_on_grid, lowest_permitted, permitted_tiers, realised_loss
from router.promise.saved import (
    counts_from_json,
    counts_to_json,
    describe,
    terms_from_json,
    terms_to_json,
)

quick = settings(deadline=None, max_examples=40)


def traffic(n: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Adequacy as a predictor with some skill would state it, and the losses that follow."""
    rng = np.random.default_rng(seed)
    truth = np.sort(rng.beta(2, 2, (n, 3)), axis=1)
    adequacy = np.clip(truth + rng.normal(0, 0.1, (n, 3)), 0, 1).astype(np.float32)
    return adequacy, realised_loss(rng.random((n, 3)) < truth)


def strictness(terms: ContractTerms) -> float:
    return -2.0 if terms.threshold is None else terms.threshold


def test_a_loss_is_an_inadequate_answer_where_the_top_tier_was_adequate():
    adequate = np.array([[0, 1, 1], [0, 0, 0], [1, 0, 0]], dtype=bool)
    assert realised_loss(adequate).tolist() == [[1, 0, 0], [0, 0, 0], [0, 0, 0]]


@quick
@given(
    st.lists(st.floats(0, 1, width=32), min_size=1, max_size=5),
    st.one_of(st.none(), st.floats(-1, 1)),
)
def test_the_serving_form_of_the_rule_agrees_with_the_vectorised_one(
    adequacy: list[float], threshold: float | None
):
    permitted = permitted_tiers(adequacy, threshold)
    lowest = lowest_permitted(np.array([adequacy], dtype=np.float32), threshold)
    assert permitted[-1]
    assert permitted.index(True) == lowest[0]


def test_the_cover_of_any_permitted_tier_is_never_below_that_of_the_lowest_and_never_falls():
    adequacy, loss = traffic(500, 1)
    lowest = losses_on_grid(adequacy, loss, DEFAULT_GRID, "lowest")
    whichever = losses_on_grid(adequacy, loss, DEFAULT_GRID, "any")
    assert (whichever >= lowest).all()
    assert (np.diff(whichever, axis=1) >= 0).all()
    assert (np.diff(lowest, axis=1) < 0).any()  # so the risk of the lowest is not nested


def test_testing_ends_at_the_first_non_rejection_even_if_later_ones_would_be_rejected():
    p_values = np.array([[0.01, 0.2, 0.01], [0.5, 0.0, 0.0], [0.1, 0.1, 0.1]])
    assert rejected_in_sequence(p_values, 0.1).tolist() == [1, 0, 3]


def test_a_contract_that_nothing_vouches_for_is_always_the_top_tier():
    counts = CalibrationCounts((0.0, 0.1), (0.0, 1.0), n=20, binary=True, covers="any")
    terms = contract(counts, alpha=0.05, delta=0.1)
    assert terms.threshold is None
    assert (terms.upper_bound, terms.bound, terms.tested) == (0.0, "none", 1)
    assert permitted_tiers((1.0, 1.0, 0.0), terms.threshold) == (False, False, True)
    assert "always the top tier" in describe(terms)


def test_an_empty_calibration_vouches_for_nothing():
    counts = count_losses(np.empty((0, 3)), np.empty((0, 3)))
    assert contract(counts, 0.1, 0.1).threshold is None


def test_the_bound_at_the_threshold_is_at_most_alpha_and_at_least_the_risk_seen():
    adequacy, loss = traffic(600, 2)
    terms = contract(count_losses(adequacy, loss), 0.08, 0.1)
    assert terms.threshold is not None
    assert terms.empirical_risk <= terms.upper_bound <= 0.08
    assert terms.bound == "clopper-pearson"
    assert "any tier with predicted regret" in describe(terms)


def test_a_stricter_promise_never_gets_a_looser_threshold():
    adequacy, loss = traffic(600, 3)
    counts = count_losses(adequacy, loss)
    loose, strict, sure = (
        strictness(contract(counts, a, d)) for a, d in ((0.1, 0.1), (0.04, 0.1), (0.1, 1e-4))
    )
    assert -2.0 < strict <= loose
    assert sure <= loose


@pytest.mark.parametrize("covers", ["lowest", "any"])
def test_the_promise_is_broken_in_at_most_a_share_delta_of_calibrations(covers):
    """1,000 independent calibrations against the true risk of a large population."""
    adequacy, loss = traffic(20_000, 4)
    by_threshold = losses_on_grid(adequacy, loss, DEFAULT_GRID, covers)
    true_risk = by_threshold.mean(axis=0)
    rng = np.random.default_rng(5)
    n, alpha, delta = 300, 0.12, 0.1
    table = binomial_tail_table(n, alpha)
    totals = np.array(
        [by_threshold[rng.integers(0, len(loss), n)].sum(axis=0) for _ in range(1000)]
    )
    last = rejected_in_sequence(table[totals.astype(int)], delta) - 1
    broken = (last >= 0) & (true_risk[last] > alpha)
    assert broken.mean() <= delta + 3 * np.sqrt(delta * (1 - delta) / 1000)
    assert (last >= 0).mean() > 0.9


def test_the_promise_holds_when_the_risk_is_not_monotone():
    """Risk below, above and again below alpha along the grid; picking the best would break it."""
    risk, n, alpha, delta = np.array([0.02, 0.055, 0.02, 0.08, 0.03]), 400, 0.05, 0.1
    rng = np.random.default_rng(6)
    table = binomial_tail_table(n, alpha)
    totals = rng.binomial(n, risk, (20_000, risk.size))
    last = rejected_in_sequence(table[totals], delta) - 1
    assert ((last >= 0) & (risk[last] > alpha)).mean() <= delta


def test_losses_between_0_and_1_use_the_general_bound():
    adequacy, loss = traffic(600, 7)
    terms = contract(count_losses(adequacy, loss * 0.5), 0.08, 0.1)
    assert terms.bound == "hoeffding-bentkus"
    assert terms.threshold is not None
    assert terms.upper_bound <= 0.08 + 1e-9


def test_terms_and_counts_survive_json():
    adequacy, loss = traffic(400, 8)
    counts = count_losses(adequacy, loss)
    assert counts_from_json(counts_to_json(counts)) == counts
    for alpha in (0.001, 0.1):
        terms = contract(counts, alpha, 0.1)
        assert terms_from_json(terms_to_json(terms)) == terms


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not JSON"),
        ("[]", "format None"),
        ('{"format": 2}', "format 2"),
        ('{"format": 1}', "missing"),
        ('{"format": 1, "alfa": 0.1}', "unknown key"),
    ],
)
def test_altered_terms_are_refused_by_name(text: str, message: str):
    with pytest.raises(DataError, match=message):
        terms_from_json(text, "terms.json")


def test_terms_out_of_range_are_refused():
    terms = contract(CalibrationCounts((0.0,), (0.0,), 100, True, "any"), 0.1, 0.1)
    text = terms_to_json(terms)
    for good, bad in (('"alpha": 0.1', '"alpha": -1'), ('"any"', '"all"'), ("100", "1.5")):
        assert good in text
        with pytest.raises(DataError):
            terms_from_json(text.replace(good, bad))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda a, x: count_losses(a[:, :2], x), "shape"),
        (lambda a, x: count_losses(a, x + 0.5), "losses must lie"),
        (lambda a, x: count_losses(a + 1, x), "adequacy must lie"),
        (lambda a, x: count_losses(a * np.nan, x), "adequacy must lie"),
        (lambda a, x: count_losses(a, x[:, ::-1]), "lowest first"),
        (lambda a, x: count_losses(a, x, grid=(0.1, 0.1)), "rise strictly"),
        (lambda a, x: count_losses(a, x, grid=()), "one or more thresholds"),
        (lambda a, x: contract(count_losses(a, x), 0.0, 0.1), "between 0 and 1"),
        (lambda a, x: contract(count_losses(a, x), 0.1, 1.0), "between 0 and 1"),
        (lambda a, x: CalibrationCounts((0.1,), (1.0, 2.0), 5, True, "any"), "one total"),
    ],
)
def test_a_calibration_that_cannot_be_right_is_refused(call, message: str):
    with pytest.raises(DataError, match=message):
        call(*traffic(50, 11))
