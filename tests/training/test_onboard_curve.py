"""The onboarding curve: what is compared, and that nobody sees what is predicted."""

from dataclasses import replace

import numpy as np
import pytest

from training.onboard.curve_tables import Curve, markdown
from training.onboard.measures import prediction_samples
from training.onboard.rivals import ALSO_CHOSEN_FROM, METHODS, Prompts
from training.onboard.suggest import by_cluster
from training.onboard.trial import (
    SIZES,
    Ground,
    NewModel,
    predict_from_labels,
    predict_from_picks,
)

N = 400


@pytest.fixture(scope="module")
def ground() -> Ground:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(N, 1)) + np.array([-1.0, 0.0, 1.5])
    prompts = Prompts(1 / (1 + np.exp(-scores)), np.arange(N) % 5, rng.normal(size=(N, 4)))
    group = np.arange(N).astype(str)
    return Ground(prompts, np.full((N, 3), 50.0), np.arange(N) % 2, np.arange(N) % 4 < 2, group)


@pytest.fixture(scope="module")
def model(ground: Ground) -> NewModel:
    chance = ground.prompts.known[:, 1]
    adequate = (np.random.default_rng(1).random(N) < chance) * 1.0
    adequate[:10] = np.nan
    return NewModel(adequate, np.full(N, 40.0))


@pytest.mark.parametrize("name", [*METHODS, *ALSO_CHOSEN_FROM])
def test_every_method_gives_probabilities_of_exactly_the_prompts_that_were_asked(
    name: str, ground: Ground, model: NewModel
) -> None:
    methods = {name: (METHODS | ALSO_CHOSEN_FROM)[name]}
    found = predict_from_labels(ground, model, methods, 60, draws=2, seed=0)
    predicted = found.adequacy[name]
    assert (np.isnan(predicted) == np.isnan(model.adequate)).all()
    known = predicted[~np.isnan(predicted)]
    assert ((known > 0) & (known < 1)).all()


def test_what_is_predicted_of_one_half_does_not_depend_on_its_outcomes(
    ground: Ground, model: NewModel
) -> None:
    side = (ground.fold == 0) & ground.half
    turned = replace(model, adequate=np.where(side, 1.0 - model.adequate, model.adequate))
    before, after = (
        predict_from_labels(ground, one, METHODS, 50, draws=1, seed=0).adequacy
        for one in (model, turned)
    )
    for name in METHODS:
        np.testing.assert_array_equal(before[name][:, side], after[name][:, side])
    other = (ground.fold == 0) & ~ground.half
    assert not np.array_equal(before["model mean"][:, other], after["model mean"][:, other])


def test_picked_labels_predict_the_same_prompts_as_drawn_ones(
    ground: Ground, model: NewModel
) -> None:
    picked = predict_from_picks(ground, model, by_cluster, 60, draws=1, seed=0)
    assert (np.isnan(picked[0]) == np.isnan(model.adequate)).all()


def test_the_profile_beats_the_plain_mean_where_the_known_tiers_tell_prompts_apart(
    ground: Ground, model: NewModel
) -> None:
    asked = np.flatnonzero(~np.isnan(model.adequate))
    weights = np.full((1, len(asked)), 1 / len(asked))
    found = predict_from_labels(ground, model, METHODS, 80, draws=3, seed=0)
    loss = {
        name: prediction_samples(part[:, asked], model.adequate[asked], weights).log_loss[0]
        for name, part in found.adequacy.items()
    }
    assert loss["item response"] < loss["model mean"] - 0.02


def test_tables_hold_every_method_at_every_size(ground: Ground, model: NewModel) -> None:
    curve = Curve("a title", ("newcomer",))
    asked = np.flatnonzero(~np.isnan(model.adequate))
    weights = np.full((3, len(asked)), 1 / len(asked))
    for size in SIZES:
        found = predict_from_labels(ground, model, METHODS, size, draws=1, seed=0)
        for name, part in found.adequacy.items():
            samples = prediction_samples(part[:, asked], model.adequate[asked], weights)
            curve.add(name, size, samples)
    text = markdown([curve])
    for name in METHODS:
        row = next(line for line in text.splitlines() if line.startswith(f"| {name} |"))
        assert row.count("[") == len(SIZES)
