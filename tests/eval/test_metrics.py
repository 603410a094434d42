"""Known answers and invariants of AIQ, APGR, CPT and AUROC."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.metrics import (
    StrongShareCurve,
    aiq,
    aiq_routerbench_code,
    apgr,
    auroc,
    cpt,
    pairs_won,
    strong_share_curve,
)
from router.errors import DataError

quick = settings(deadline=None, max_examples=40)
ROWS = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 1), st.integers(0, 1)), min_size=2, max_size=20
)
COST, QUALITY = np.array([1.0, 3.0]), np.array([0.4, 0.8])


def columns(rows: list[tuple[int, int, int]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    scores, weak, strong = np.array([*rows, (2, 0, 1)], dtype=np.float64).T
    return scores, weak, strong


def has_gap(weak: np.ndarray, strong: np.ndarray) -> bool:
    return strong.sum() > weak.sum()


def test_aiq_is_the_mean_quality_under_the_hull() -> None:
    assert aiq(COST, QUALITY, cost_min_usd=1, cost_max_usd=3) == pytest.approx(0.6)
    flat_to_five = (2 * 0.6 + 2 * 0.8) / 4
    assert aiq(COST, QUALITY, cost_min_usd=1, cost_max_usd=5) == pytest.approx(flat_to_five)
    nothing_below_one = (2 * 0.6) / 3
    assert aiq(COST, QUALITY, cost_min_usd=0, cost_max_usd=3) == pytest.approx(nothing_below_one)


def test_routerbench_code_divides_by_the_largest_cost_of_all() -> None:
    cheap, dear = (COST, QUALITY), (np.array([2.0, 5.0]), np.array([0.5, 0.9]))
    first, second = aiq_routerbench_code([cheap, dear])
    assert first == pytest.approx((2 * 0.6 + 2 * 0.8) / 5)
    assert second == pytest.approx(3 * 0.7 / 5)


def test_aiq_over_no_interval_is_refused() -> None:
    with pytest.raises(DataError, match="c_min < c_max"):
        aiq(COST, QUALITY, cost_min_usd=2, cost_max_usd=2)


def test_a_hand_made_curve_moves_ties_together() -> None:
    scores = np.array([0.9, 0.5, 0.5, 0.1])
    weak, strong = np.array([0.0, 0.0, 1.0, 1.0]), np.array([1.0, 1.0, 1.0, 1.0])
    curve = strong_share_curve(scores, weak, strong)
    assert curve.share.tolist() == [0, 0.25, 0.75, 1]
    assert curve.quality.tolist() == [0.5, 0.75, 1, 1]
    assert apgr(curve) == pytest.approx(0.25 * 0.25 + 0.5 * 0.75 + 0.25)
    assert cpt(curve, 0.5) == pytest.approx(0.25)
    assert cpt(curve, 0.8) == pytest.approx(0.25 + 0.5 * 0.6)


def test_cpt_is_the_first_crossing_also_where_quality_falls_again() -> None:
    curve = StrongShareCurve(np.array([0, 0.2, 0.6, 1.0]), np.array([0.5, 0.9, 0.6, 0.7]))
    assert cpt(curve, 1.0) == pytest.approx(0.1)


@given(ROWS)
@quick
def test_a_score_that_knows_nothing_recovers_half_the_gap(rows: list[tuple[int, int, int]]) -> None:
    _, weak, strong = columns(rows)
    if has_gap(weak, strong):
        curve = strong_share_curve(np.zeros(weak.size), weak, strong)
        assert apgr(curve) == pytest.approx(0.5)
        assert cpt(curve, 0.8) == pytest.approx(0.8)


@given(ROWS)
@quick
def test_no_score_beats_the_true_gain(rows: list[tuple[int, int, int]]) -> None:
    scores, weak, strong = columns(rows)
    if has_gap(weak, strong):
        best = strong_share_curve(strong - weak, weak, strong)
        curve = strong_share_curve(scores, weak, strong)
        assert apgr(curve) <= apgr(best) + 1e-9
        assert cpt(curve, 0.5) >= cpt(best, 0.5) - 1e-9


@given(ROWS)
@quick
def test_a_weight_of_two_is_the_same_as_standing_there_twice(
    rows: list[tuple[int, int, int]],
) -> None:
    scores, weak, strong = columns(rows)
    if has_gap(weak, strong):
        weights = np.ones(scores.size)
        weights[0] = 2
        twice = [np.append(column, column[0]) for column in (scores, weak, strong)]
        weighted = strong_share_curve(scores, weak, strong, weights)
        np.testing.assert_allclose(weighted.quality, strong_share_curve(*twice).quality)


@given(ROWS)
@quick
def test_auroc_counts_pairs_and_ties_one_half(rows: list[tuple[int, int, int]]) -> None:
    scores, label, _ = columns([*rows, (1, 1, 0)])
    positive = label > 0
    pairs = [np.sign(a - b) for a in scores[positive] for b in scores[~positive]]
    assert auroc(scores, positive) == pytest.approx((np.mean(pairs) + 1) / 2)


def test_auroc_of_one_class_is_undefined_and_weights_leave_prompts_out() -> None:
    scores = np.array([0.9, 0.1, 0.5])
    assert np.isnan(auroc(scores, np.array([True, True, True])))
    positive = np.array([False, False, True])
    won, pairs = pairs_won(scores, positive, np.array([[1.0, 1, 1], [0, 1, 1]]))
    assert (won / pairs).tolist() == [0.5, 1.0]


def test_undefined_metrics_are_refused() -> None:
    same = strong_share_curve(np.array([1.0, 2.0]), np.array([1.0, 0.0]), np.array([0.0, 1.0]))
    with pytest.raises(DataError, match="equally good"):
        apgr(same)
    with pytest.raises(DataError, match="CPT level 0"):
        cpt(same, 0.0)
