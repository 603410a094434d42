"""The promotion gate: equal is good enough, worse is not, other encoders are refused."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import ENCODER, shuffled

from eval.bootstrap import Interval
from eval.outcomes import OutcomeTable
from router.catalog import Catalog
from router.engine import Engine, build_engine
from router.errors import TrainingError
from router.predict.artifact import load_artifact
from training.build import fit_and_export
from training.gate import AIQ_MARGIN, BRIER_MARGIN, Verdict, promotion_gate
from training.settings import Settings

DRAWS = 60


def engine_of(table: OutcomeTable, catalog: Catalog, place: Path) -> Engine:
    settings = Settings(encoder=ENCODER, candidate="lightgbm", distil=False, prior=None)
    fit_and_export(settings, catalog, table, place, lambda _: None)
    return build_engine(load_artifact(place), catalog)


@pytest.fixture(scope="module")
def good(
    made_up: OutcomeTable, catalog: Catalog, tmp_path_factory: pytest.TempPathFactory
) -> Engine:
    return engine_of(made_up, catalog, tmp_path_factory.mktemp("good") / "artifact")


@pytest.fixture(scope="module")
def bad(
    made_up: OutcomeTable,
    parts: np.ndarray,
    catalog: Catalog,
    tmp_path_factory: pytest.TempPathFactory,
) -> Engine:
    """Return what learnt from outcomes dealt out at random to the prompts."""
    nonsense = shuffled(made_up, parts != "test")
    return engine_of(nonsense, catalog, tmp_path_factory.mktemp("bad") / "artifact")


def test_an_artifact_is_not_worse_than_itself(good: Engine, made_up: OutcomeTable) -> None:
    verdict = promotion_gate(good, good, made_up, seed=0, draws=DRAWS)
    assert verdict.promoted
    assert verdict.aiq_gain == verdict.brier_gain == Interval(0.0, 0.0, 0.0)
    assert verdict.champion_version == good.artifact.version


def test_what_learnt_from_nonsense_is_not_promoted(
    good: Engine, bad: Engine, made_up: OutcomeTable
) -> None:
    verdict = promotion_gate(bad, good, made_up, seed=0, draws=DRAWS)
    assert not verdict.promoted
    assert verdict.aiq_gain.value < 0
    assert verdict.brier_gain.value < 0


def test_what_is_better_is_promoted_with_gains_of_opposite_sign(
    good: Engine, bad: Engine, made_up: OutcomeTable
) -> None:
    there = promotion_gate(good, bad, made_up, seed=0, draws=DRAWS)
    back = promotion_gate(bad, good, made_up, seed=0, draws=DRAWS)
    assert there.promoted
    assert there.aiq_gain.value == pytest.approx(-back.aiq_gain.value)
    assert there.brier_gain.value == pytest.approx(-back.brier_gain.value)


def test_only_the_candidates_held_out_prompts_are_compared_on(
    good: Engine, bad: Engine, made_up: OutcomeTable, parts: np.ndarray
) -> None:
    as_it_is = promotion_gate(bad, good, made_up, seed=0, draws=DRAWS)
    elsewhere = promotion_gate(bad, good, shuffled(made_up, parts != "test"), seed=0, draws=DRAWS)
    assert as_it_is.prompts == int((parts == "test").sum())
    assert elsewhere == as_it_is


def test_a_seed_repeats_the_verdict(good: Engine, bad: Engine, made_up: OutcomeTable) -> None:
    first, again, other = (
        promotion_gate(bad, good, made_up, seed=seed, draws=DRAWS) for seed in (0, 0, 1)
    )
    assert first == again
    assert first.aiq_gain.value == other.aiq_gain.value
    assert first.aiq_gain != other.aiq_gain


def test_artifacts_of_different_encoders_are_not_compared(
    good: Engine, bad: Engine, made_up: OutcomeTable
) -> None:
    manifest = replace(bad.artifact.manifest, encoder_sha256="0" * 64)
    other = replace(bad, artifact=replace(bad.artifact, manifest=manifest))
    with pytest.raises(
        TrainingError,
        match=f"the champion {bad.artifact.version} has another encoder, so recorded "
        r"vectors cannot be replayed through both: .* train with --no-champion",
    ) as caught:
        promotion_gate(good, other, made_up, seed=0, draws=DRAWS)
    assert caught.value.reason == "CHAMPION_INCOMPARABLE"


@pytest.mark.parametrize(("promoted", "start"), [(True, "promoted: "), (False, "NOT promoted: ")])
def test_the_verdict_says_in_words_what_was_measured(promoted: bool, start: str) -> None:
    verdict = Verdict(
        promoted, "abc123", Interval(-0.02, -0.03, -0.01), Interval(0.001, -0.002, 0.004), 998
    )
    sentence = verdict.sentence()
    assert sentence.startswith(start)
    for part in (
        "champion abc123 on 998 held-out prompts",
        "AIQ -0.0200 [-0.0300, -0.0100]",
        "Brier improvement +0.0010 [-0.0020, +0.0040]",
        f"-{AIQ_MARGIN} wanted",
        f"-{BRIER_MARGIN} wanted",
    ):
        assert part in sentence
