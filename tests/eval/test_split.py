"""Behaviour of the split by duplicate group."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.split import PARTS, assign_split
from router.errors import DataError

GROUPS = st.lists(st.text(min_size=1, max_size=5), min_size=1, max_size=30)


@given(GROUPS, st.integers(0, 5))
@settings(deadline=None, max_examples=40)
def test_a_group_never_stands_on_two_sides(groups: list[str], seed: int) -> None:
    twice = np.array(groups + groups[::-1])
    parts = assign_split(twice, seed)
    assert all(len(set(parts[twice == group])) == 1 for group in groups)
    assert set(parts.tolist()) <= set(PARTS)


@given(GROUPS, GROUPS)
@settings(deadline=None, max_examples=40)
def test_rows_added_to_the_table_move_nobody_else(groups: list[str], more: list[str]) -> None:
    alone = assign_split(np.array(groups), 0)
    together = assign_split(np.array(groups + more), 0)[: len(groups)]
    assert alone.tolist() == together.tolist()


def test_the_shares_are_met_in_expectation_and_another_seed_draws_another_split() -> None:
    groups = np.array([f"group {i}" for i in range(5000)])
    parts = assign_split(groups, 0)
    shares = [np.mean(parts == part) for part in PARTS]
    assert shares == pytest.approx([0.6, 0.2, 0.2], abs=0.02)
    assert np.mean(parts == assign_split(groups, 1)) < 0.6


def test_the_split_does_not_drift_between_releases() -> None:
    parts = assign_split(np.array(["a", "b", "c", "d", "e", "f"]), 7)
    assert parts.tolist() == ["train", "test", "train", "test", "train", "validation"]


@pytest.mark.parametrize("fractions", [(0.5, 0.2, 0.2), (1.2, -0.1, -0.1), (0.5, 0.5)])
def test_fractions_that_do_not_add_up_are_refused(fractions: tuple[float, ...]) -> None:
    with pytest.raises(DataError, match="add up to 1"):
        assign_split(np.array(["a"]), 0, fractions)  # type: ignore[arg-type]
