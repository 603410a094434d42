"""Study networks: a trained token table tells hard prompts, and unknown rows have no say."""

from dataclasses import replace
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

import numpy as np
import pytest

from eval.metrics import auroc

if TYPE_CHECKING:
    from training.study.token_network import TokenRows


@pytest.fixture(scope="module")
def study() -> ModuleType:
    """Return the module under test, which loads torch: every process that runs tests reads this."""
    import_module("torch").set_num_threads(1)  # several wait for each other longer than they work
    return import_module("training.study.token_network")


@pytest.fixture
def tokens(study: ModuleType) -> "TokenRows":
    """Return texts of four tokens in which token 1 makes the weak model fail."""
    generator = np.random.default_rng(0)
    ids = [generator.integers(1, 12, size=4) for _ in range(400)]
    hard = np.array([1 in one for one in ids])
    labels = np.column_stack([~hard, np.ones(400)]).astype(np.float32)
    return study.TokenRows(
        ids=study.padded(ids),
        features=generator.normal(size=(400, 3)).astype(np.float32),
        labels=labels,
        weight=np.ones(2, dtype=np.float32),
        subject=np.full(400, -1),
        table=generator.normal(size=(12, 6)).astype(np.float32),
    )


def test_a_trained_table_tells_the_hard_prompts(study: ModuleType, tokens: "TokenRows") -> None:
    settings = study.TableSettings(table_rate=1e-2, rate=1e-2, passes=30, hidden=(16,))
    known, unknown = np.arange(300), np.arange(300, 400)
    chance = study.learn(tokens, known, unknown, settings, seed=0)
    hard = tokens.labels[unknown, 0] < 0.5
    assert chance.shape == (100, 2)
    assert auroc(-chance[:, 0], hard) > 0.9


def test_labels_of_unknown_rows_have_no_say(study: ModuleType, tokens: "TokenRows") -> None:
    settings = study.TableSettings(passes=2, hidden=(8,), subject=0.1, pairs=2)
    known, unknown = np.arange(300), np.arange(300, 400)
    changed = replace(tokens, labels=tokens.labels.copy())
    changed.labels[unknown] = 1.0 - changed.labels[unknown]
    first, second = (
        study.learn(one, known, unknown, settings, seed=0) for one in (tokens, changed)
    )
    np.testing.assert_array_equal(first, second)


def test_padding_is_no_token(study: ModuleType) -> None:
    rows = study.padded([np.array([3, 0]), np.array([5])])
    np.testing.assert_array_equal(rows, [[3, 0], [5, -1]])
