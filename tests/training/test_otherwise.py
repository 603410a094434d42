"""Prompts written otherwise: what is carried over stays a possible input."""

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from synthetic import DIMENSION, ENCODER

from eval.outcomes import OutcomeTable, read_outcomes
from eval.robustness.changes import CHANGES, UNTAUGHT
from router.errors import DataError
from router.predict.encoder import TextEncoder
from router.types import Message
from training.otherwise import (
    COPIES,
    Pairs,
    own_conversations,
    recorded_pairs,
    written_otherwise,
)
from training.wordings import WORDINGS, reworded

RECORDED = Path("data/otherwise")


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


@pytest.fixture(scope="module")
def bundled() -> OutcomeTable:
    return read_outcomes(Path("data/outcomes/zeroeval.parquet"))


def test_recorded_pairs_stand_beside_the_prompts_as_they_were(bundled: OutcomeTable) -> None:
    pairs = recorded_pairs(RECORDED, bundled, np.empty(0, dtype=np.str_))
    assert len(pairs) > 10_000
    inputs = np.hstack([bundled.vectors, bundled.features])
    row = {name: place for place, name in enumerate(bundled.prompt_ids.tolist())}
    for place in (0, 500, len(pairs) - 1):
        where = bundled.prompt_ids == pairs.prompt_ids[place]
        assert any(np.array_equal(pairs.before[place], one) for one in inputs[where])
    assert set(pairs.prompt_ids.tolist()) <= set(row)
    close = (pairs.before[:, :DIMENSION] * pairs.after[:, :DIMENSION]).sum(axis=1)
    assert 0.5 < float(close.mean()) < 0.999, "a changed prompt is near and not the same"


def test_prompts_of_held_out_groups_are_left_out(bundled: OutcomeTable) -> None:
    held_out = np.unique(bundled.group)[::2]
    pairs = recorded_pairs(RECORDED, bundled, held_out)
    group_of = dict(zip(bundled.prompt_ids.tolist(), bundled.group.tolist(), strict=True))
    assert len(pairs)
    assert not {group_of[name] for name in pairs.prompt_ids.tolist()} & set(held_out.tolist())


def test_recorded_pairs_of_another_encoder_are_refused_unless_no_prompt_is_theirs(
    bundled: OutcomeTable,
) -> None:
    other = replace(bundled, encoder_sha256="0" * 64)
    none = np.empty(0, dtype=np.str_)
    with pytest.raises(DataError, match="run `make data`"):
        recorded_pairs(RECORDED, other, none)
    strangers = replace(other, prompt_ids=np.char.add("mine-", other.prompt_ids))
    assert len(recorded_pairs(RECORDED, strangers, none)) == 0


def test_joined_pairs_are_the_rows_of_both(pairs: Pairs, bundled: OutcomeTable) -> None:
    recorded = recorded_pairs(RECORDED, bundled, np.empty(0, dtype=np.str_))
    both = pairs.joined(recorded)
    assert len(both) == len(pairs) + len(recorded)
    assert set(both.prompt_ids[: len(pairs)].tolist()) == {""}
    np.testing.assert_array_equal(both.after[len(pairs) :], recorded.after)


@given(st.sampled_from(sorted(WORDINGS)), st.text(min_size=1, max_size=200), st.integers())
def test_a_wording_is_the_same_for_the_same_seed_and_keeps_the_letters(
    name: str, text: str, seed: int
) -> None:
    first, second = (WORDINGS[name](text, random.Random(seed)) for _ in range(2))
    assert first == second
    stripped = text.rstrip(".?!")
    assert stripped.casefold() in first.casefold() or name.endswith("case")


def test_no_wording_but_case_full_stop_and_plain_quotes_is_one_that_is_measured() -> None:
    text, shared = "Which of these two roads is the shorter one.", set()
    measured = {
        change(text, random.Random(0)): name for name, change in {**CHANGES, **UNTAUGHT}.items()
    }
    for name, wording in WORDINGS.items():
        for seed in range(300):
            if (found := measured.get(wording(text, random.Random(seed)))) is not None:
                shared.add((name, found))
    assert shared == {
        ("lower case", "lower case"),
        ("upper case", "upper case"),
        ("no full stop", "no full stop at the end"),
        ("quotes", "quoted"),
    }


def test_the_kinds_of_a_rewording_are_told() -> None:
    told = {
        kind for seed in range(400) for kind in reworded("Why?", random.Random(seed))[1].split("|")
    }
    assert told == set(WORDINGS)
