"""Running means and shares: the same as from all numbers at once, with intervals that cover."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.rollout.tally import Mean, share

NUMBERS = st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=50)


@given(NUMBERS)
def test_a_mean_from_one_pass_is_the_mean_of_all_with_its_normal_interval(numbers: list[float]):
    mean = Mean()
    for number in numbers:
        mean.add(number)
    value, low, high = mean.interval()
    half = 1.959964 * np.std(numbers, ddof=1) / math.sqrt(len(numbers))
    assert mean.n == len(numbers)
    assert value == pytest.approx(np.mean(numbers), rel=1e-9, abs=1e-6)
    assert high - value == pytest.approx(half, rel=1e-5, abs=1e-5)
    assert value - low == pytest.approx(half, rel=1e-5, abs=1e-5)


def test_of_nothing_nothing_is_known_and_of_one_number_no_interval():
    mean = Mean()
    assert all(map(math.isnan, mean.interval()))
    assert all(map(math.isnan, share(0, 0)))
    mean.add(3.0)
    value, low, high = mean.interval()
    assert value == 3.0
    assert math.isnan(low)
    assert math.isnan(high)


def test_wilsons_interval_is_the_published_one():
    # Newcombe, Statistics in Medicine 1998, table I: 81 of 263 and 0 of 20.
    assert share(81, 263)[1:] == pytest.approx((0.2553, 0.3662), abs=1e-4)
    assert share(0, 20)[1:] == pytest.approx((0.0, 0.1611), abs=1e-4)


@given(st.integers(1, 1000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_a_share_lies_in_its_interval_and_its_interval_in_0_to_1(given_: tuple[int, int]):
    value, low, high = share(*given_)
    assert 0.0 <= low <= value <= high <= 1.0
