"""The shared network: unknown targets teach nothing, every source teaches, changes are unlearnt."""

from dataclasses import replace

import numpy as np
import pytest

from eval.metrics import auroc
from training.descent import Rows, SharedSettings
from training.members import sigmoid
from training.shared import REACH, Scale, Shared, fit_shared

DIMENSION = 8
QUICK = SharedSettings(hidden=(16,), passes=12, batch=32, rate=1e-2, networks=2)


def made_up(rows: int, seed: int = 0) -> Rows:
    """Return rows of which two models find the same ones hard; each answered one half of them."""
    generator = np.random.default_rng(seed)
    vectors = generator.normal(size=(rows, DIMENSION))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    features = generator.normal(size=(rows, 2))
    labels = np.repeat((vectors[:, :1] + 0.3 * features[:, :1] > 0).astype(np.float32), 2, axis=1)
    counts = np.ones_like(labels)
    counts[: rows // 2, 1] = 0.0
    counts[rows // 2 :, 0] = 0.0
    return Rows(np.hstack([vectors, features]).astype(np.float32), labels, counts, 2)


def learnt(rows: Rows, **options: object) -> Shared:
    settings = options.pop("settings", QUICK)
    return fit_shared(rows, dimension=DIMENSION, settings=settings, seed=0, **options)


def foreseen(rows: Rows) -> np.ndarray:
    """Return what is said of the first model on fresh rows."""
    return learnt(rows).outputs(made_up(300, seed=9).inputs)[:, 0]


def truth() -> np.ndarray:
    return made_up(300, seed=9).targets[:, 0] > 0.5


def test_the_shared_network_learns_what_its_rows_say() -> None:
    assert auroc(foreseen(made_up(600)), truth()) > 0.9


def test_what_one_model_answered_helps_to_foresee_another() -> None:
    rows = made_up(600)
    first = np.arange(600) < 30
    rows.counts[~first, 0] = 0.0
    alone = Rows(rows.inputs[first], rows.targets[first], rows.counts[first], 2)
    assert auroc(foreseen(rows), truth()) > auroc(foreseen(alone), truth()) + 0.02


def test_a_target_that_counts_nothing_changes_nothing() -> None:
    rows = made_up(200)
    other = np.where(rows.counts > 0, rows.targets, 1.0 - rows.targets).astype(np.float32)
    np.testing.assert_array_equal(foreseen(rows), foreseen(replace(rows, targets=other)))


def test_the_same_seed_gives_the_same_network() -> None:
    np.testing.assert_array_equal(foreseen(made_up(200)), foreseen(made_up(200)))


def test_numbers_are_learnt_beside_probabilities() -> None:
    rows = made_up(600)
    number = rows.inputs[:, :1] * 3.0
    both = Rows(
        rows.inputs,
        np.hstack([rows.targets, number]),
        np.hstack([rows.counts, np.ones_like(number)]),
        2,
    )
    fresh = made_up(300, seed=9).inputs
    said = learnt(both).outputs(fresh)
    assert np.corrcoef(said[:, 2], fresh[:, 0])[0, 1] > 0.9
    assert auroc(said[:, 0], truth()) > 0.9


def test_going_on_from_a_network_starts_where_it_stood() -> None:
    rows = made_up(200)
    known = learnt(rows)
    same = learnt(rows, start=known, settings=replace(QUICK, passes=1, rate=0.0))
    np.testing.assert_array_equal(same.outputs(rows.inputs), known.outputs(rows.inputs))


def test_a_change_that_is_learnt_to_mean_nothing_moves_less() -> None:
    def shouted(inputs: np.ndarray, _: np.random.Generator) -> np.ndarray:
        changed = inputs.copy()
        changed[:, -1] += 2.0
        return changed

    rows, fresh = made_up(600), made_up(300, seed=9).inputs
    moved = {}
    for share in (0.0, 0.5):
        known = learnt(rows, otherwise=shouted, settings=replace(QUICK, moved=share))
        said = [sigmoid(known.outputs(one)[:, 0]) for one in (fresh, shouted(fresh, None))]
        moved[share] = np.abs(said[0] - said[1]).mean()
    assert moved[0.5] < 0.8 * moved[0.0]


def test_features_are_bounded_and_one_that_never_varied_is_read_as_it_was() -> None:
    inputs = made_up(200).inputs
    inputs[:, -1] = 4.0
    scale = Scale.of(inputs, DIMENSION)
    far = inputs[:1].copy()
    far[:, DIMENSION:] += 1e6
    near = scale.apply(far)
    assert near[0, DIMENSION] == pytest.approx(REACH)
    assert near[0, -1] == 0.0
    np.testing.assert_array_equal(near[0, :DIMENSION], scale.apply(inputs[:1])[0, :DIMENSION])
