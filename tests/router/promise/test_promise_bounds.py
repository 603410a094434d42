"""Exact bounds against SciPy where it is there, and against their own definitions."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import DataError
from router.promise.bounds import (
    binomial_tail,
    binomial_tail_table,
    clopper_pearson_upper,
    hoeffding_bentkus_p_value,
    hoeffding_bentkus_upper,
)

quick = settings(deadline=None, max_examples=40)
counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@pytest.mark.parametrize("n", [0, 1, 7, 500, 5000])
@pytest.mark.parametrize("probability", [0.0, 1e-9, 0.0445, 0.5, 0.999, 1.0])
def test_the_binomial_tail_equals_scipys(n: int, probability: float):
    stats = pytest.importorskip("scipy.stats")
    table = binomial_tail_table(n, probability)
    np.testing.assert_allclose(
        table, stats.binom.cdf(np.arange(n + 1), n, probability), rtol=1e-9, atol=1e-300
    )


@pytest.mark.parametrize(
    ("losses", "n", "delta"), [(0, 1, 0.1), (0, 300, 0.01), (7, 200, 0.1), (150, 200, 0.05)]
)
def test_the_clopper_pearson_bound_equals_the_beta_quantile(losses: int, n: int, delta: float):
    stats = pytest.importorskip("scipy.stats")
    expected = stats.beta.ppf(1 - delta, losses + 1, n - losses)
    assert clopper_pearson_upper(losses, n, delta) == pytest.approx(expected, abs=1e-12)


def test_the_tail_of_a_small_binomial_is_the_sum_by_hand():
    by_hand = sum(math.comb(5, k) * 0.3**k * 0.7 ** (5 - k) for k in range(3))
    assert binomial_tail(2, 5, 0.3) == pytest.approx(by_hand, abs=1e-15)


@quick
@given(counts, st.floats(0.01, 0.5), st.floats(0.01, 0.99))
def test_the_bound_is_at_most_a_level_exactly_when_the_p_value_rejects_it(
    count: tuple[int, int], delta: float, level: float
):
    losses, n = count
    bound = clopper_pearson_upper(losses, n, delta)
    if abs(bound - level) > 1e-9:
        assert (bound <= level) == (binomial_tail(losses, n, level) <= delta)


@pytest.mark.parametrize("risk", [0.01, 0.0445, 0.2])
def test_the_exact_p_value_is_at_most_u_with_probability_at_most_u(risk: float):
    table = binomial_tail_table(300, risk)
    mass = np.diff(table, prepend=0.0)
    for u in (0.01, 0.05, 0.1, 0.5):
        assert mass[table <= u].sum() <= u + 1e-12


@pytest.mark.parametrize("risk", [0.01, 0.1, 0.4])
def test_the_hoeffding_bentkus_p_value_is_at_most_u_with_probability_at_most_u(risk: float):
    n = 120
    mass = np.diff(binomial_tail_table(n, risk), prepend=0.0)
    p_values = np.array([hoeffding_bentkus_p_value(float(k), n, risk) for k in range(n + 1)])
    for u in (0.01, 0.05, 0.1, 0.5):
        assert mass[p_values <= u].sum() <= u + 1e-12


@quick
@given(counts, st.floats(0.01, 0.5))
def test_bounds_lie_above_the_mean_and_the_exact_one_is_the_sharper(
    count: tuple[int, int], delta: float
):
    losses, n = count
    exact = clopper_pearson_upper(losses, n, delta)
    general = hoeffding_bentkus_upper(float(losses), n, delta)
    assert general >= losses / n
    assert general >= exact - 1e-9 or delta > 0.3  # Hoeffding's KL form may win far from the tail


def test_a_bound_needs_fewer_losses_or_more_prompts_to_be_lower():
    assert clopper_pearson_upper(3, 200, 0.1) < clopper_pearson_upper(4, 200, 0.1)
    assert clopper_pearson_upper(30, 2000, 0.1) < clopper_pearson_upper(3, 200, 0.1)
    assert hoeffding_bentkus_upper(2.5, 200, 0.1) < hoeffding_bentkus_upper(9.5, 200, 0.1)


def test_the_bound_lies_below_the_true_risk_in_at_most_a_share_delta_of_draws():
    n, risk, delta = 200, 0.06, 0.1
    mass = np.diff(binomial_tail_table(n, risk), prepend=0.0)
    bounds = np.array([clopper_pearson_upper(k, n, delta) for k in range(60)])
    assert mass[:60][bounds < risk].sum() <= delta


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: binomial_tail(3, 2, 0.5), "losses must lie in 0..n"),
        (lambda: binomial_tail_table(-1, 0.5), "n must be >= 0"),
        (lambda: binomial_tail_table(2, 1.5), "must lie in"),
        (lambda: clopper_pearson_upper(0, 0, 0.1), "at least one loss"),
        (lambda: clopper_pearson_upper(0, 5, 0.0), "between 0 and 1"),
        (lambda: hoeffding_bentkus_p_value(3.5, 3, 0.1), "losses lie in"),
        (lambda: hoeffding_bentkus_p_value(0.5, 3, 1.0), "between 0 and 1"),
        (lambda: hoeffding_bentkus_upper(0.5, 3, 2.0), "between 0 and 1"),
    ],
)
def test_arguments_outside_their_range_are_refused(call, message: str):
    with pytest.raises(DataError, match=message):
        call()
