"""Behaviour of the bootstrap over duplicate groups."""

import numpy as np
import pytest

from eval.bootstrap import percentile_interval, resample_weights, weighted_means
from router.errors import DataError


def test_prompts_of_one_group_always_count_alike() -> None:
    groups = np.array(["a", "b", "a", "c", "b"])
    weights = resample_weights(groups, 50, seed=1)
    assert weights.shape == (50, 5)
    np.testing.assert_array_equal(weights[:, 0], weights[:, 2])
    np.testing.assert_array_equal(weights[:, 1], weights[:, 4])
    np.testing.assert_allclose(weights.sum(axis=1), 1)


def test_the_same_seed_draws_the_same_resamples() -> None:
    groups = np.array([str(i) for i in range(9)])
    again = resample_weights(groups, 5, seed=4)
    np.testing.assert_array_equal(resample_weights(groups, 5, seed=4), again)
    assert (resample_weights(groups, 5, seed=5) != again).any()


def test_the_interval_of_a_mean_agrees_with_the_normal_one() -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(3.0, 2.0, 400)
    weights = resample_weights(np.arange(400).astype(np.str_), 2000, seed=2)
    means = weighted_means(weights, values[:, None])[:, 0]
    found = percentile_interval(float(values.mean()), means)
    half = 1.96 * values.std() / np.sqrt(400)
    assert found.low == pytest.approx(values.mean() - half, abs=0.03)
    assert found.high == pytest.approx(values.mean() + half, abs=0.03)


def test_duplicates_widen_the_interval() -> None:
    rng = np.random.default_rng(0)
    once = rng.normal(size=100)
    values = np.repeat(once, 4)[:, None]
    by_group = resample_weights(np.repeat(np.arange(100), 4).astype(np.str_), 800, seed=3)
    by_prompt = resample_weights(np.arange(400).astype(np.str_), 800, seed=3)
    assert (by_group @ values).std() > 1.6 * (by_prompt @ values).std()


def test_undefined_resamples_are_left_out_and_all_undefined_gives_no_interval() -> None:
    found = percentile_interval(1.0, np.array([np.nan, 1.0, 2.0]))
    assert (found.low, found.high) == (1.0, 2.0)
    assert np.isnan(percentile_interval(1.0, np.array([np.nan])).low)


@pytest.mark.parametrize(("groups", "draws"), [([], 5), (["a"], 0)])
def test_resampling_nothing_is_refused(groups: list[str], draws: int) -> None:
    with pytest.raises(DataError, match="needs prompts and draws"):
        resample_weights(np.array(groups, dtype=np.str_), draws, seed=0)
