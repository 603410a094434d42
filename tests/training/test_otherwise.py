"""Prompts written otherwise: what is carried over stays a possible input."""

import numpy as np
import pytest
from synthetic import DIMENSION, ENCODER

from router.predict.encoder import TextEncoder
from router.types import Message
from training.otherwise import COPIES, Pairs, own_conversations, written_otherwise


@pytest.fixture(scope="module")
def pairs() -> Pairs:
    return written_otherwise(own_conversations(None), TextEncoder(ENCODER), 0)


def test_the_same_seed_writes_the_same(pairs: Pairs) -> None:
    again = written_otherwise(own_conversations(None), TextEncoder(ENCODER), 0)
    np.testing.assert_array_equal(pairs.after, again.after)
    assert len(pairs.before) == COPIES * len(own_conversations(None))


def test_most_changes_move_the_inputs(pairs: Pairs) -> None:
    moved = np.abs(pairs.after - pairs.before).max(axis=1) > 0
    assert moved.mean() > 0.8


def test_what_is_carried_over_is_a_possible_input(pairs: Pairs) -> None:
    carried = pairs.carry_over(pairs.before, np.random.default_rng(0))
    assert carried.dtype == np.float32
    norms = np.linalg.norm(carried[:, :DIMENSION], axis=1)
    np.testing.assert_allclose(norms, 1.0, atol=1e-4)
    assert (carried[:, DIMENSION:] >= 0.0).all()


def test_the_last_turn_is_written_otherwise_whatever_stands_before_it() -> None:
    talk = (Message("system", "Be brief."), Message("user", "HELLO"))
    once = written_otherwise([talk], TextEncoder(ENCODER), 1)
    alone = written_otherwise([talk[1:]], TextEncoder(ENCODER), 1)
    np.testing.assert_array_equal(once.before, alone.before)
    np.testing.assert_array_equal(once.after, alone.after)
    assert not np.array_equal(once.before, once.after)
