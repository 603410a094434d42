"""A student gives what its teacher gives, bounded far from what was learnt, or is not exported."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest
from synthetic import DIMENSION, ENCODER, N_FEATURES

from eval.outcomes import OutcomeTable
from router.catalog import Catalog
from router.predict.artifact import load_artifact
from router.predict.parts import FUSED_FILE
from router.predict.predictor import predict_all, predict_one
from router.predict.reading import read
from training.build import fit_and_export
from training.candidates import Candidate, log_loss
from training.export import write_heads
from training.graph_builder import GraphBuilder, heads_model
from training.labels import Examples
from training.lengths import Lengths
from training.parity import check_parity
from training.settings import Settings
from training.student import BOUND, TOLERANCE, Student, distil
from training.student_graph import build_student_heads


def distilled(
    candidates: dict[str, Candidate], lengths: Lengths, examples: dict[str, Examples], seed: int = 0
) -> Student:
    return distil(
        candidates["lightgbm"],
        lengths,
        examples["train"].inputs[:50],
        examples["train"],
        examples["validation"],
        dimension=DIMENSION,
        seed=seed,
    )


@pytest.fixture(scope="module")
def student(candidates, lengths: Lengths, examples: dict[str, Examples]) -> Student:
    return distilled(candidates, lengths, examples)


def test_a_student_follows_its_teacher_on_prompts_neither_has_seen(
    student: Student,
    candidates: dict[str, Candidate],
    lengths: Lengths,
    examples: dict[str, Examples],
) -> None:
    inputs = examples["test"].inputs
    for ours, theirs in (
        (student.adequacy(inputs), candidates["lightgbm"].adequacy(inputs)),
        (np.log1p(student.tokens(inputs)), np.log1p(lengths.tokens(inputs))),
    ):
        assert np.corrcoef(ours.ravel(), theirs.ravel())[0, 1] > 0.85


def test_the_same_seed_gives_the_same_student(
    student: Student, candidates, lengths: Lengths, examples: dict[str, Examples]
) -> None:
    again = distilled(candidates, lengths, examples)
    np.testing.assert_array_equal(again.hidden, student.hidden)
    np.testing.assert_array_equal(again.out, student.out)
    assert not np.array_equal(distilled(candidates, lengths, examples, 1).out, student.out)


def test_beyond_what_was_learnt_an_input_counts_as_the_bound(
    student: Student, examples: dict[str, Examples]
) -> None:
    inputs = examples["train"].inputs[:1].copy()
    far, farther = inputs.copy(), inputs.copy()
    column = DIMENSION
    spread = examples["train"].inputs[:, column].std()
    far[:, column] += 3 * BOUND * spread
    farther[:, column] += 1e6
    np.testing.assert_array_equal(student.adequacy(far), student.adequacy(farther))


def test_the_graph_gives_what_the_student_gives_and_passes_the_gate(
    student: Student, examples: dict[str, Examples]
) -> None:
    heads = build_student_heads(student, dimension=DIMENSION, n_features=N_FEATURES)
    inputs = examples["test"].inputs
    parity = check_parity(heads, student, student, inputs, DIMENSION)
    assert parity.adequacy_max < 1e-5
    session = ort.InferenceSession(heads.SerializeToString())
    adequacy, tokens = session.run(
        None, {"vector": inputs[:3, :DIMENSION], "features": inputs[:3, DIMENSION:]}
    )
    np.testing.assert_allclose(adequacy, student.adequacy(inputs[:3]), atol=1e-5)
    np.testing.assert_allclose(tokens, student.tokens(inputs[:3]), rtol=1e-4)


@pytest.mark.parametrize(("tolerance", "is_distilled"), [(10.0, True), (-10.0, False)])
def test_a_student_that_lost_too_much_gives_way_to_its_teacher(
    made_up: OutcomeTable,
    catalog: Catalog,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tolerance: float,
    is_distilled: bool,
) -> None:
    monkeypatch.setattr("training.heads.TOLERANCE", tolerance)
    settings = Settings(encoder=ENCODER, candidate="lightgbm", prior=None)
    said: list[str] = []
    few = made_up.select(np.arange(300))
    fit_and_export(settings, catalog, few, tmp_path / "artifact", said.append)
    made = load_artifact(tmp_path / "artifact").manifest.extra["training"]
    assert made["distilled"] is is_distilled
    assert any("exporting lightgbm" in line for line in said) is not is_distilled


def test_the_tolerance_is_small_against_what_is_at_stake(
    student: Student, examples: dict[str, Examples]
) -> None:
    validation = examples["validation"]
    base = np.broadcast_to(validation.adequate.mean(axis=0), validation.adequate.shape)
    gained = log_loss(base, validation.adequate) - log_loss(
        student.adequacy(validation.inputs), validation.adequate
    )
    assert gained > 5 * TOLERANCE


def test_one_call_gives_what_encoder_and_heads_give_one_after_the_other(
    student: Student, tiny_artifact: Path, tmp_path: Path
) -> None:
    artifact = load_artifact(tiny_artifact)
    for name in ("encoder.json", "encoder.onnx", "tokenizer.json"):
        (tmp_path / name).write_bytes((tiny_artifact / name).read_bytes())
    heads = build_student_heads(student, dimension=DIMENSION, n_features=N_FEATURES)
    write_heads(tmp_path, heads)
    assert (tmp_path / FUSED_FILE).stat().st_size < 200_000  # the token table is not in it again
    from router.predict.encoder import open_session
    from router.predict.fused import Fused
    from router.predict.heads import Heads

    both = Heads(
        open_session(tmp_path / "heads.onnx"),
        dimension=DIMENSION,
        n_features=N_FEATURES,
        n_tiers=student.tiers,
    )
    fused = Fused(
        open_session(tmp_path / FUSED_FILE, refers_to=("encoder.onnx",)), both, dimension=DIMENSION
    )
    joined = replace(artifact, heads=both, fused=fused)
    for text in ("", " ", "Why?", "One. " * 900, "中文 🙂", "\x00"):
        singly = predict_one(joined, read(text))
        (together,) = predict_all(joined, [read(text)])
        assert singly.adequacy == pytest.approx(together.adequacy, abs=1e-5)
        assert singly.output_tokens == pytest.approx(together.output_tokens, rel=1e-3)


def test_a_graph_without_its_outputs_is_no_heads() -> None:
    builder = GraphBuilder()
    builder.node("Concat", "vector", "features", axis=1, output="both")
    with pytest.raises(Exception, match="adequacy"):
        heads_model(builder, 4, 2, 3)
