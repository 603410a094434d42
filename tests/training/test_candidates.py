"""Candidates: each learns what can be learnt, and validation alone decides between them."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import DIMENSION, ENCODER, shuffled, with_quality

from eval.outcomes import OutcomeTable
from eval.split import assign_split
from router.catalog import Catalog
from router.errors import TrainingError
from training.build import fit_and_export
from training.candidates import (
    CANDIDATES,
    Calibration,
    Candidate,
    fit_and_choose,
    fit_calibration,
    log_loss,
    mean_probabilities,
    row_losses,
)
from training.labels import Examples, examples_of
from training.members import CLIP, Linear
from training.settings import ALL, Settings

NAMES = list(CANDIDATES)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("part", ["validation", "test"])
def test_each_candidate_beats_the_base_rates(
    candidates: dict[str, Candidate], examples: dict[str, Examples], name: str, part: str
) -> None:
    rows = examples[part]
    rates = np.tile(examples["train"].adequate.mean(axis=0), (len(rows), 1))
    loss = log_loss(candidates[name].adequacy(rows.inputs), rows.adequate)
    assert loss < 0.8 * log_loss(rates, rows.adequate)


@pytest.mark.parametrize("name", NAMES)
def test_each_candidate_turns_no_ranking_round(candidates: dict[str, Candidate], name: str) -> None:
    assert (candidates[name].calibration.slope > 0).all()


def test_candidates_are_at_least_logistic_lightgbm_and_their_mixture() -> None:
    assert {"logistic", "lightgbm", "mixture"} <= set(CANDIDATES)


@pytest.mark.parametrize(
    ("name", "label"), [("logistic", 0.0), ("logistic", 1.0), ("lightgbm", 0.0), ("stack", 1.0)]
)
def test_a_tier_that_is_always_or_never_adequate_gets_a_constant_head(
    made_up: OutcomeTable, parts: np.ndarray, catalog: Catalog, name: str, label: float
) -> None:
    every = examples_of(with_quality(made_up, "maxi", label), catalog, parts == "train")
    train, validation = every.select(parts == "train"), every.select(parts == "validation")
    choice = fit_and_choose(train, validation, dimension=DIMENSION, seed=0, only=name)
    adequacy = choice.chosen.adequacy(validation.inputs)
    assert np.isfinite(adequacy).all()
    np.testing.assert_allclose(adequacy[:, 2], CLIP if label == 0 else 1 - CLIP, atol=1e-4)
    assert np.ptp(adequacy[:, 0]) > 0.1


def test_an_unknown_candidate_is_refused_with_the_known_names(examples) -> None:
    with pytest.raises(TrainingError, match=r"'forest' given, must be one of \['lightgbm'"):
        fit_and_choose(
            examples["train"], examples["validation"], dimension=DIMENSION, seed=0, only="forest"
        )


@pytest.mark.parametrize("empty", ["train", "validation"])
def test_an_empty_part_is_refused(examples: dict[str, Examples], empty: str) -> None:
    nothing = examples[empty].select(np.zeros(len(examples[empty]), dtype=np.bool_))
    given = examples | {empty: nothing}
    with pytest.raises(TrainingError, match="both parts need some: add outcomes"):
        fit_and_choose(given["train"], given["validation"], dimension=DIMENSION, seed=0)


def test_of_the_candidates_tied_for_the_least_validation_loss_the_last_is_chosen(
    examples: dict[str, Examples], candidates: dict[str, Candidate]
) -> None:
    told: list[str] = []
    choice = fit_and_choose(
        examples["train"], examples["validation"], dimension=DIMENSION, seed=0, progress=told.append
    )
    assert list(choice.log_loss) == NAMES
    validation = examples["validation"]
    losses = {
        name: row_losses(candidates[name].adequacy(validation.inputs), validation.adequate)
        for name in NAMES
    }
    least = losses[min(choice.log_loss, key=choice.log_loss.__getitem__)]
    gaps = {name: loss - least for name, loss in losses.items()}
    tied = [name for name, gap in gaps.items() if gap.mean() <= gap.std() / len(gap) ** 0.5]
    assert choice.chosen.name == tied[-1]
    assert 1 <= len(tied) < len(NAMES)
    # Fitted alone or together, a candidate is the same.
    alone = fit_and_choose(
        examples["train"], validation, dimension=DIMENSION, seed=0, only="mixture"
    )
    assert alone.log_loss == {"mixture": choice.log_loss["mixture"]}
    assert [line for line in told if line.startswith("fitting")] == [
        "fitting linear", "fitting trees", "fitting shape trees", "fitting stack",
        "fitting network",
    ]  # fmt: skip


def test_held_out_rows_change_neither_choice_nor_heads(
    made_up: OutcomeTable, catalog: Catalog, tmp_path: Path
) -> None:
    few = made_up.select(np.arange(300))
    altered = shuffled(few, assign_split(few.group, 0) == "test")
    assert altered.content_hash() != few.content_hash()
    made = []
    for name, table in (("as it is", few), ("altered", altered)):
        parity_losses_chosen = fit_and_export(
            Settings(encoder=ENCODER, prior=None, candidate=ALL),
            catalog,
            table,
            tmp_path / name,
            lambda _: None,
        )
        made.append((parity_losses_chosen, (tmp_path / name / "heads.onnx").read_bytes()))
    assert made[0] == made[1]
    losses = json.loads((tmp_path / "altered" / "manifest.json").read_text())["training"]
    assert losses["validation_log_loss"].keys() == {*CANDIDATES, "student"}


def test_a_member_named_twice_counts_twice() -> None:
    def constant(chance: float) -> Linear:
        odds = np.log(chance / (1 - chance))
        return Linear(np.zeros((2, 1), dtype=np.float32), np.array([odds], dtype=np.float32))

    low, high = constant(0.2), constant(0.8)
    inputs = np.zeros((3, 2), dtype=np.float32)
    np.testing.assert_allclose(mean_probabilities((low, low, high), inputs), 0.4, atol=1e-6)


def test_calibration_pulls_overconfident_probabilities_in() -> None:
    rng = np.random.default_rng(3)
    truth = rng.uniform(0.2, 0.8, (4000, 1))
    labels = (rng.random(truth.shape) < truth).astype(np.float64)
    odds = np.log(truth / (1 - truth))
    overconfident = 1 / (1 + np.exp(-3 * odds))
    calibration = fit_calibration(overconfident, labels)
    assert calibration.slope[0] == pytest.approx(1 / 3, abs=0.05)
    np.testing.assert_allclose(calibration.apply(overconfident), truth, atol=0.05)


def test_calibration_never_turns_a_ranking_round() -> None:
    probabilities = np.linspace(0.1, 0.9, 200)[:, None]
    calibration = fit_calibration(probabilities, (probabilities < 0.5).astype(np.float64))
    assert calibration.slope[0] == np.float32(0.05)


def test_a_tier_with_one_class_is_not_calibrated() -> None:
    probabilities = np.linspace(0.1, 0.9, 20)[:, None]
    calibration = fit_calibration(probabilities, np.ones_like(probabilities))
    np.testing.assert_allclose(calibration.apply(probabilities), probabilities, atol=1e-6)


def test_log_loss_of_a_sure_mistake_is_finite() -> None:
    assert log_loss(np.array([[1.0]]), np.array([[0.0]])) == pytest.approx(-np.log(CLIP))
    assert log_loss(np.array([[0.5]]), np.array([[1.0]])) == pytest.approx(np.log(2))


def test_calibrated_adequacy_follows_the_offset(candidates: dict[str, Candidate], examples) -> None:
    candidate = candidates["logistic"]
    higher = Calibration(candidate.calibration.slope, candidate.calibration.offset + np.float32(1))
    inputs = examples["test"].inputs
    assert (
        replace(candidate, calibration=higher).adequacy(inputs) > candidate.adequacy(inputs)
    ).all()
