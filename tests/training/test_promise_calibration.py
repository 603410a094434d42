"""``make calibrate``: the same heads, another promise, another version."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import user_records, write_jsonl

from eval.outcomes import Origin, OutcomeTable, write_outcomes
from eval.split import assign_split
from router.catalog import Catalog
from router.defaults import default_artifact_directory
from router.engine import build_engine
from router.errors import TrainingError
from router.predict.artifact import load_artifact
from router.predict.parts import PROMISE_FILE, TOPICS_FILE
from router.promise.contract import contract
from training.__main__ import main
from training.promise import FEWEST_PROMPTS, calibrate, topics_of_another
from training.topics import fit_topics


def fresh_rows(made_up: OutcomeTable) -> OutcomeTable:
    """Return rows the predictor has not seen, as a table of their own."""
    return made_up.select(assign_split(made_up.group, 0) == "test")


def many(table: OutcomeTable) -> OutcomeTable:
    """Return at least twice ``FEWEST_PROMPTS`` rows, each a group of its own."""
    times = 2 * FEWEST_PROMPTS // len(table) + 1
    rows = np.tile(np.arange(len(table)), times)
    chosen = table.select(rows)
    return replace(chosen, group=np.array([f"own{i}" for i in range(len(rows))]))


def test_calibration_adds_the_promise_and_changes_the_version_only(
    plain: Path, tmp_path: Path, made_up: OutcomeTable, catalog: Catalog
) -> None:
    done = calibrate(plain, tmp_path / "out", many(fresh_rows(made_up)), catalog)
    before, after = load_artifact(plain), load_artifact(tmp_path / "out")
    assert before.promise is None
    assert after.promise is not None
    assert after.promise.counts == done.counts
    assert after.version == done.artifact_version != before.version
    for name in ("heads.onnx", "encoder.onnx", "golden.jsonl"):
        assert (plain / name).read_bytes() == (tmp_path / "out" / name).read_bytes()


def test_the_same_labels_give_the_same_version(
    plain: Path, tmp_path: Path, made_up: OutcomeTable, catalog: Catalog
) -> None:
    labels = many(fresh_rows(made_up))
    versions = {
        calibrate(plain, tmp_path / name, labels, catalog).artifact_version for name in "ab"
    }
    assert len(versions) == 1


def test_an_artifact_may_be_calibrated_in_place_and_again(
    plain: Path, tmp_path: Path, made_up: OutcomeTable, catalog: Catalog
) -> None:
    labels = many(fresh_rows(made_up))
    calibrate(plain, tmp_path / "out", labels, catalog)
    first = load_artifact(tmp_path / "out").version
    calibrate(tmp_path / "out", tmp_path / "out", labels.select(np.arange(300)), catalog)
    again = load_artifact(tmp_path / "out")
    assert again.promise is not None
    assert again.promise.counts.n == 300
    assert again.version != first


def test_of_a_duplicate_group_only_one_prompt_counts(
    plain: Path, tmp_path: Path, made_up: OutcomeTable, catalog: Catalog
) -> None:
    labels = many(fresh_rows(made_up))
    twice = labels.select(np.repeat(np.arange(len(labels)), 2))
    done = calibrate(plain, tmp_path / "out", twice, catalog)
    assert done.counts.n == len(labels)


def test_the_table_it_was_trained_on_counts_with_its_held_out_part_only(
    plain: Path, tmp_path: Path, made_up: OutcomeTable, catalog: Catalog
) -> None:
    with pytest.raises(TrainingError, match="independent prompts") as caught:
        calibrate(plain, tmp_path / "out", made_up, catalog)
    held_out = len(np.unique(fresh_rows(made_up).group))
    assert str(held_out) in caught.value.message
    assert not (tmp_path / "out").exists()


def test_the_table_it_was_trained_on_gives_topics_which_other_labels_then_calibrate_anew(
    plain: Path,
    tmp_path: Path,
    made_up: OutcomeTable,
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.promise.FEWEST_PROMPTS", 50)
    first = calibrate(plain, tmp_path / "first", made_up, catalog)
    found = load_artifact(tmp_path / "first").promise
    assert found is not None
    assert found.by_topic is not None
    assert sum(one.n for one in found.by_topic.counts) == first.counts.n
    held_out = made_up.select(assign_split(made_up.group, 0) != "test")
    assert (found.by_topic.topics.centres == fit_topics(held_out, 0).centres).all()
    again = calibrate(tmp_path / "first", tmp_path / "again", many(fresh_rows(made_up)), catalog)
    assert again.by_topic is not None
    assert (again.by_topic.topics.centres == found.by_topic.topics.centres).all()
    assert sum(one.n for one in again.by_topic.counts) == again.counts.n > first.counts.n


def test_labels_alone_find_no_topics_because_they_calibrate_them(
    plain: Path, tmp_path: Path, made_up: OutcomeTable, catalog: Catalog
) -> None:
    done = calibrate(plain, tmp_path / "out", many(fresh_rows(made_up)), catalog)
    assert done.by_topic is None
    assert not (tmp_path / "out" / TOPICS_FILE).exists()


def test_topics_of_another_artifact_are_taken_over(
    plain: Path,
    tmp_path: Path,
    made_up: OutcomeTable,
    catalog: Catalog,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("training.promise.FEWEST_PROMPTS", 50)
    known = calibrate(plain, tmp_path / "known", made_up, catalog).by_topic
    labels = many(fresh_rows(made_up))
    done = calibrate(plain, tmp_path / "out", labels, catalog, topics_from=tmp_path / "known")
    assert known is not None
    assert done.by_topic is not None
    assert (done.by_topic.topics.centres == known.topics.centres).all()
    assert sum(one.n for one in done.by_topic.counts) == done.counts.n


def test_an_artifact_without_topics_has_none_to_take_over(
    plain: Path, tmp_path: Path, made_up: OutcomeTable, catalog: Catalog
) -> None:
    labels = many(fresh_rows(made_up))
    with pytest.raises(TrainingError, match="has no topics to take over") as caught:
        calibrate(plain, tmp_path / "out", labels, catalog, topics_from=plain)
    assert caught.value.reason == "NO_TOPICS"
    assert not (tmp_path / "out").exists()


def test_topics_of_another_encoder_are_refused(plain: Path) -> None:
    shipped = load_artifact(default_artifact_directory())
    manifest = replace(load_artifact(plain).manifest, encoder_sha256="0" * 64)
    with pytest.raises(TrainingError, match="name an artifact with the same encoder") as caught:
        topics_of_another(shipped, Path("shipped"), manifest)
    assert caught.value.reason == "ENCODER_MISMATCH"


def test_a_contract_of_the_calibrated_artifact_is_kept_on_its_own_labels(
    plain: Path, tmp_path: Path, made_up: OutcomeTable, catalog: Catalog
) -> None:
    labels = many(fresh_rows(made_up))
    done = calibrate(plain, tmp_path / "out", labels, catalog)
    terms = contract(done.counts, 0.2, 0.1)
    assert terms.threshold is not None
    assert terms.empirical_risk <= terms.upper_bound <= 0.2
    assert build_engine(load_artifact(tmp_path / "out"), catalog).artifact.promise is not None


def test_the_command_writes_the_artifact_and_says_what_is_promised(
    plain: Path,
    tmp_path: Path,
    made_up: OutcomeTable,
    made_up_catalog_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    labels = tmp_path / "labels.parquet"
    write_outcomes(many(fresh_rows(made_up)), labels, Origin("made up", "-", "-"))
    status = main(
        [
            "calibrate", "--data", str(labels), "--catalog", str(made_up_catalog_file),
            "--artifact", str(plain), "--out", str(tmp_path / "out"),
        ]
    )  # fmt: skip
    printed = capsys.readouterr().out
    assert status == 0
    assert "at most 5.00% of requests lose an adequate answer" in printed
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text(encoding="utf-8"))
    assert PROMISE_FILE in manifest["files"]
    assert manifest["version"] in printed


def test_the_command_reads_a_users_own_columns(
    plain: Path, tmp_path: Path, made_up_catalog_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = user_records()
    for record in records:
        record["score"] = record.pop("quality")
    labels = write_jsonl(tmp_path / "labels.jsonl", records)
    command = [
        "calibrate", "--data", str(labels), "--catalog", str(made_up_catalog_file),
        "--artifact", str(plain), "--out", str(tmp_path / "out"), "--map", "quality=score",
    ]  # fmt: skip
    assert main(command) == 0, capsys.readouterr().err
    assert load_artifact(tmp_path / "out").promise is not None


def test_the_command_refuses_what_only_training_takes(
    plain: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["calibrate", "--artifact", str(plain), "--candidate", "logistic"])
    assert caught.value.code == 2
    assert "unrecognized arguments: --candidate logistic" in capsys.readouterr().err
