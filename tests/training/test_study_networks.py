"""Study networks: unknown labels teach nothing, and every source teaches the shared one."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from eval.metrics import auroc
from training.study.shared import Outcomes, SharedSettings, fit_shared
from training.study.token_network import TableSettings, TokenRows, learn, padded

DIMENSION = 8
QUICK = SharedSettings(hidden=(16,), passes=12, batch=32, rate=1e-2, networks=2)


def made_up(rows: int, seed: int = 0) -> Outcomes:
    """Return rows of which two models find the same ones hard; each answered one half of them."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(rows, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    features = generator.normal(size=(rows, 2))
    labels = np.repeat((vectors[:, :1] + 0.3 * features[:, :1] > 0).astype(np.float32), 2, axis=1)
    labels[: rows // 2, 1] = np.nan
    labels[rows // 2 :, 0] = np.nan
    return Outcomes(np.hstack([vectors, features]).astype(np.float32), labels)


def fitted(rows: Outcomes, kept: int = 1) -> np.ndarray:
    shared = fit_shared(rows, np.ones(2), kept=kept, dimension=DIMENSION, settings=QUICK, seed=0)
    return shared.probabilities(made_up(300, seed=9).inputs)


def test_the_shared_network_learns_what_its_rows_say() -> None:
    truth = np.nanmax(made_up(300, seed=9).labels, axis=1) > 0.5
    assert auroc(fitted(made_up(600))[:, 0], truth) > 0.9


def test_what_one_model_answered_helps_to_foresee_another() -> None:
    rows = made_up(600)
    first = np.arange(600) < 30
    hidden = ~first[:, None] & [True, False]
    rows.labels[hidden] = np.nan
    alone = Outcomes(rows.inputs[first], rows.labels[first])
    truth = np.nanmax(made_up(300, seed=9).labels, axis=1) > 0.5
    assert auroc(fitted(rows)[:, 0], truth) > auroc(fitted(alone)[:, 0], truth) + 0.02


def test_a_label_that_counts_nothing_changes_nothing() -> None:
    rows = made_up(200)
    labels = rows.labels.copy()
    labels[:, 1] = 1.0 - labels[:, 1]
    weight = np.array([1.0, 0.0])
    said = [
        fit_shared(one, weight, kept=1, dimension=DIMENSION, settings=QUICK, seed=0)
        for one in (rows, replace(rows, labels=labels))
    ]
    first, second = (one.probabilities(rows.inputs) for one in said)
    np.testing.assert_array_equal(first, second)


def test_the_same_seed_gives_the_same_network() -> None:
    np.testing.assert_array_equal(fitted(made_up(200), 2), fitted(made_up(200), 2))


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
