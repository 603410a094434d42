"""``make review`` and the answers of ``make data``: out of fold, and without texts."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from made_up_answers import made_up_answers
from synthetic import ENCODER, TIERS

from eval.outcomes import OutcomeTable
from eval.split import assign_split
from router.catalog import Catalog
from router.engine import build_engine
from router.errors import DataError, TrainingError
from router.predict.artifact import load_artifact
from router.predict.encoder import TextEncoder
from training.promise import calibrate
from training.review import predict_out_of_fold, write_review
from training.reviewed import count_reviewed
from training.settings import Settings
from training.sources.answers import bundle_answers


def test_an_artifact_gets_a_review_and_another_version_and_keeps_its_heads(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made_up: OutcomeTable,
    catalog: Catalog,
    made_up_catalog_file: Path,
    plain: Path,
) -> None:
    settings = Settings(
        encoder=ENCODER,
        catalog=made_up_catalog_file,
        candidate="logistic",
        prior=None,
        distil=False,
    )
    monkeypatch.setattr("training.review.read_training_data", lambda *_: made_up)
    predictions = predict_out_of_fold(settings, 2)
    assert predictions.tiers == tuple(TIERS)
    assert set(predictions.fold.tolist()) == {0, 1}
    assert (predictions.adequacy > 0).all()
    answers, _, _ = made_up_answers(len(made_up), models=tuple(TIERS.values()))
    version = write_review(plain, tmp_path / "out", made_up, answers, predictions, catalog)
    before, after = load_artifact(plain), load_artifact(tmp_path / "out")
    assert (before.review, after.version) == (None, version)
    assert before.version != after.version
    assert after.review is not None
    assert after.review.prompts == len(made_up)
    heads = [(place / "heads.onnx").read_bytes() for place in (plain, tmp_path / "out")]
    assert heads[0] == heads[1]


def test_a_contract_over_reviews_is_calibrated_on_prompts_that_nothing_has_learnt_from(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    made_up: OutcomeTable,
    catalog: Catalog,
    made_up_catalog_file: Path,
    plain: Path,
) -> None:
    settings = Settings(
        encoder=ENCODER,
        catalog=made_up_catalog_file,
        candidate="logistic",
        prior=None,
        distil=False,
    )
    monkeypatch.setattr("training.review.read_training_data", lambda *_: made_up)
    pays = (0.001, 0.01, 0.1, 1.0)
    for module in ("promise", "reviewed"):
        monkeypatch.setattr(f"training.{module}.FEWEST_PROMPTS", 50)
    held_out = made_up.select(assign_split(made_up.group, 0) == "test")
    spared = predict_out_of_fold(settings, 2, spare_held_out=True)
    assert not np.isin(held_out.prompt_ids, spared.prompt_ids).any()
    answers, _, _ = made_up_answers(len(made_up), models=tuple(TIERS.values()))
    calibrate(plain, tmp_path / "calibrated", made_up, catalog)
    write_review(tmp_path / "calibrated", tmp_path / "out", made_up, answers, spared, catalog, pays)
    promise = load_artifact(tmp_path / "out").promise
    assert promise is not None
    assert promise.reviewed is not None
    assert promise.reviewed.counts.n == len(np.unique(held_out.group))
    assert promise.reviewed.catalog_version == catalog.version
    assert promise.reviewed.terms(0.9, 0.1).willingness_to_pay_usd is not None
    # Labels without answers say nothing of reviews, so calibrating on them drops that promise.
    calibrate(tmp_path / "out", tmp_path / "again", made_up, catalog)
    again = load_artifact(tmp_path / "again").promise
    assert again is not None
    assert again.reviewed is None
    unspared = replace(spared, prompt_ids=made_up.prompt_ids[: len(spared.prompt_ids)])
    engine = build_engine(load_artifact(tmp_path / "out"), catalog)
    model = engine.artifact.review
    assert model is not None
    assert count_reviewed(engine, model, made_up, answers, unspared) is None


def test_one_fold_cannot_be_out_of_fold() -> None:
    with pytest.raises(TrainingError, match="at least 2"):
        predict_out_of_fold(Settings(), 1)


def write_source(place: Path, answers: list[tuple[str, str, str]]) -> None:
    """Write answers (prompt id, model, text) and the prompts they belong to."""
    (place / "zeroeval").mkdir(parents=True)
    columns = {
        "prompt_id": [prompt for prompt, *_ in answers],
        "task": ["sums"] * len(answers),
        "model": [model for _, model, _ in answers],
        "answer": [text for *_, text in answers],
        "quality": [1.0] * len(answers),
        "output_tokens": [4095 if "cut" in text else 20 for *_, text in answers],
    }
    pq.write_table(pa.table(columns), place / "zeroeval" / "answers.parquet")
    known = [("one", "What is 2 + 2?"), ("two", "What is 5 + 2?")]
    prompts = {
        "prompt_id": [key for key, _ in known for _ in range(2)],
        "prompt": [text for _, text in known for _ in range(2)],
        "model": ["A", "B"] * 2,
        "model_norm": ["a", "b"] * 2,
    }
    pq.write_table(pa.table(prompts), place / "zeroeval" / "outcomes.parquet")


def test_bundled_answers_hold_no_text(tmp_path: Path) -> None:
    texts = [
        ("one", "A", "Adding gives \\boxed{4}."),
        ("one", "B", "The answer is 4.0"),
        ("two", "B", "The answer is 8."),
        ("two", "A", "It was cut off in the"),
    ]
    write_source(tmp_path, texts)
    encoder = TextEncoder(Path("router/artifacts/default"))
    answers = bundle_answers(tmp_path, encoder, tmp_path / "out.parquet")
    assert answers.models == ("a", "b")
    assert answers.final_hash[0, 0] == answers.final_hash[0, 1] != answers.final_hash[1, 1]
    assert answers.truncated.tolist() == [[False, False], [True, False]]
    assert np.allclose(np.diagonal(answers.cosine, axis1=1, axis2=2), 1.0, atol=1e-3)
    written = (tmp_path / "out.parquet").read_bytes()
    assert not any(text.encode()[:12] in written for *_, text in texts)


def test_an_answer_to_an_unknown_prompt_is_refused(tmp_path: Path) -> None:
    write_source(tmp_path, [("three", "A", "7")])
    with pytest.raises(DataError, match="no known prompt"):
        bundle_answers(tmp_path, TextEncoder(Path("router/artifacts/default")), tmp_path / "out")
