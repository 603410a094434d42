"""Study networks: a trained token table tells hard prompts, and unknown rows have no say."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from eval.metrics import auroc
from training.study.token_network import TableSettings, TokenRows, learn, padded


@pytest.fixture
def tokens() -> TokenRows:
    """Return texts of four tokens in which token 1 makes the weak model fail."""
    torch.set_num_threads(1)  # several wait for each other longer than they work
    generator = np.random.default_rng(0)
    ids = [generator.integers(1, 12, size=4) for _ in range(400)]
    hard = np.array([1 in one for one in ids])
    labels = np.column_stack([~hard, np.ones(400)]).astype(np.float32)
    return TokenRows(
        ids=padded(ids),
        features=generator.normal(size=(400, 3)).astype(np.float32),
        labels=labels,
        weight=np.ones(2, dtype=np.float32),
        subject=np.full(400, -1),
        table=generator.normal(size=(12, 6)).astype(np.float32),
    )


def test_a_trained_table_tells_the_hard_prompts(tokens: TokenRows) -> None:
    settings = TableSettings(table_rate=1e-2, rate=1e-2, passes=30, hidden=(16,))
    known, unknown = np.arange(300), np.arange(300, 400)
    chance = learn(tokens, known, unknown, settings, seed=0)
    hard = tokens.labels[unknown, 0] < 0.5
    assert chance.shape == (100, 2)
    assert auroc(-chance[:, 0], hard) > 0.9


def test_labels_of_unknown_rows_have_no_say(tokens: TokenRows) -> None:
    settings = TableSettings(passes=2, hidden=(8,), subject=0.1, pairs=2)
    known, unknown = np.arange(300), np.arange(300, 400)
    changed = replace(tokens, labels=tokens.labels.copy())
    changed.labels[unknown] = 1.0 - changed.labels[unknown]
    first, second = (learn(one, known, unknown, settings, seed=0) for one in (tokens, changed))
    np.testing.assert_array_equal(first, second)


def test_padding_is_no_token() -> None:
    rows = padded([np.array([3, 0]), np.array([5])])
    np.testing.assert_array_equal(rows, [[3, 0], [5, -1]])
