"""``make train`` end to end on a user's JSONL: what is written, logged, repeated and refused."""

import getpass
import json
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from synthetic import user_records, write_jsonl

from eval.bootstrap import Interval
from router.catalog import load_catalog
from router.engine import build_engine
from router.errors import DataError, RouterError
from router.predict.artifact import load_artifact, read_manifest
from router.types import Goal, Message, Request
from training.build import fit_and_export
from training.data import read_training_data
from training.heads import TEACHER
from training.pipeline import Finished, train
from training.settings import CHAMPION, MODEL_NAME, SHARED, Settings

ROOT = Path(__file__).resolve().parents[2]
DRAWS = 40
"""Intervals are looked at elsewhere; a thousand resamples take longer than the training."""


@dataclass(frozen=True)
class FirstRun:
    """A finished ``python -m training train --skip-bad-rows`` on a user's JSONL, two rows bad."""

    settings: Settings
    stdout: str
    stderr: str


def only_run(settings: Settings) -> Run:
    client = MlflowClient(settings.tracking_uri)
    (run,) = client.search_runs([client.get_experiment_by_name(settings.experiment).experiment_id])
    return run


def with_bad_rows(place: Path) -> str:
    records = user_records(280)
    records[5]["quality"] = 1.7
    records[7]["prompt"] = " "
    return str(write_jsonl(place / "some_bad.jsonl", records))


@pytest.fixture(scope="module")
def first(
    tmp_path_factory: pytest.TempPathFactory,
    new_store: Callable[[Path], str],
    made_up_catalog_file: Path,
    small_prior: Path,
) -> FirstRun:
    place = tmp_path_factory.mktemp("first")
    settings = Settings(
        data=with_bad_rows(place),
        catalog=made_up_catalog_file,
        out=place / "out",
        tracking_uri=new_store(place / "store"),
        draws=DRAWS,
        use_champion=False,
        skip_bad_rows=True,
        prior=small_prior,
    )
    command = [
        sys.executable, "-m", "training", "train", "--data", settings.data,
        "--catalog", str(settings.catalog), "--out", str(settings.out),
        "--tracking-uri", settings.tracking_uri, "--no-champion", "--skip-bad-rows",
        "--prior", str(small_prior), "--draws", str(DRAWS),
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return FirstRun(settings, done.stdout, done.stderr)


@pytest.fixture(scope="module")
def second(first: FirstRun, tmp_path_factory: pytest.TempPathFactory) -> tuple[Settings, Finished]:
    """Return a run like the first, which is its champion; files of that are only read."""
    place = tmp_path_factory.mktemp("second")
    shutil.copyfile(first.settings.out.parent / "store" / "mlflow.db", place / "mlflow.db")
    store = f"sqlite:///{place / 'mlflow.db'}"
    settings = replace(first.settings, out=place / "out", tracking_uri=store, use_champion=True)
    with pytest.MonkeyPatch.context() as patch:
        # Of the pictures of a run those of the first are looked at.
        patch.setattr("training.pipeline.write_report", lambda *_: [])
        return settings, train(settings)


@pytest.fixture
def again(first: FirstRun, tmp_path: Path, new_store: Callable[[Path], str]) -> Settings:
    """Return the settings of the first run with a store and output of their own."""
    store = new_store(tmp_path / "store")
    return replace(first.settings, out=tmp_path / "out", tracking_uri=store)


def test_the_written_artifact_routes_a_prompt(first: FirstRun) -> None:
    engine = build_engine(load_artifact(first.settings.out), load_catalog(first.settings.catalog))
    easy = "Name the colour of the kettle beside the ladder near a garden. (yarn window tunnel)"
    decision = engine.route(Request((Message("user", easy),), Goal(quality_target=0.5)))
    assert decision.artifact_version == engine.artifact.version
    assert decision.chosen.deployment.tier == "small"


def test_progress_and_the_verdict_are_told(first: FirstRun) -> None:
    told = (
        "838 outcomes, 280 prompts",
        "fitting shared network",
        "parity gate passed",
        "golden rows",
    )
    assert [part for part in told if part not in first.stderr] == []
    version = load_artifact(first.settings.out).version
    assert re.search(rf"^artifact +{version} \(", first.stdout, re.MULTILINE)
    assert "no champion to beat" in first.stdout
    assert f"written to  {first.settings.out}" in first.stdout


def test_the_same_seed_gives_the_same_artifact_byte_for_byte(
    first: FirstRun, second: tuple[Settings, Finished]
) -> None:
    settings, finished = second
    assert finished.artifact_version == load_artifact(first.settings.out).version
    there, here = first.settings.out, settings.out
    assert sorted(p.name for p in there.iterdir()) == sorted(p.name for p in here.iterdir())
    for path in there.iterdir():
        assert path.read_bytes() == (here / path.name).read_bytes(), path.name


def test_an_equal_run_is_promoted_and_takes_the_alias(
    first: FirstRun, second: tuple[Settings, Finished]
) -> None:
    settings, finished = second
    assert finished.promoted
    assert finished.verdict is not None
    assert finished.verdict.champion_version == load_artifact(first.settings.out).version
    assert finished.verdict.aiq_gain == Interval(0.0, 0.0, 0.0)
    alias = MlflowClient(settings.tracking_uri).get_model_version_by_alias(MODEL_NAME, CHAMPION)
    assert str(alias.version) == finished.registered_version == "2"


def test_another_seed_gives_another_artifact(again: Settings, tmp_path: Path) -> None:
    catalog = load_catalog(again.catalog)
    table = read_training_data(again, lambda _: None)
    versions, heads = set(), set()
    for seed in (0, 0, 1):
        settings = replace(again, seed=seed, candidate="logistic", distil=False)
        fit_and_export(settings, catalog, table, tmp_path / "one", lambda _: None)
        versions.add(read_manifest(tmp_path / "one").version)
        heads.add((tmp_path / "one" / "heads.onnx").read_bytes())
    assert len(versions) == len(heads) == 2


def test_manifest_and_card_tell_no_time_place_or_machine(first: FirstRun) -> None:
    manifest = (first.settings.out / "manifest.json").read_text()
    assert not {key for key in json.loads(manifest) if re.search("time|date|host|path|user", key)}
    for text in (manifest, (first.settings.out / "MODEL_CARD.md").read_text()):
        assert str(first.settings.out.parent) not in text
        assert str(ROOT) not in text
        assert socket.gethostname() not in text
        assert f"/{getpass.getuser()}" not in text
        assert not re.search(r"20\d\d-\d\d-\d\d|\d\d:\d\d", text)


def test_the_run_holds_parameters_hashes_and_metrics(first: FirstRun) -> None:
    run = only_run(first.settings)
    artifact = load_artifact(first.settings.out)
    assert run.info.status == "FINISHED"
    assert run.data.params["data"] == first.settings.data
    assert run.data.params["seed"] == "0"
    expected = {
        "artifact_version": artifact.version,
        "candidate": artifact.manifest.extra["training"]["candidate"],
        "catalog_version": load_catalog(first.settings.catalog).version,
        "data_sha256": artifact.manifest.data_sha256,
        "encoder_sha256": artifact.manifest.encoder_sha256,
        "promoted": "true",
    }
    assert expected.items() <= run.data.tags.items()
    metrics = run.data.metrics
    assert {"aiq", "cost_share_0.99", "cost_share_0.95", "ece_small", "brier_large"} <= set(metrics)
    for name in (SHARED, TEACHER):
        assert 0 < metrics[f"validation_log_loss_{name.replace(' ', '_')}"] < 1
    assert metrics["parity_adequacy_max"] < 1e-3


def test_the_run_holds_the_frontier_picture_and_the_artifact(first: FirstRun) -> None:
    client = MlflowClient(first.settings.tracking_uri)
    run_id = only_run(first.settings).info.run_id
    evaluation = {one.path.split("/")[1] for one in client.list_artifacts(run_id, "evaluation")}
    assert {"frontier.png", "report.html", "results.json"} <= evaluation
    kept = {one.path.split("/")[1] for one in client.list_artifacts(run_id, "artifact")}
    assert kept == {path.name for path in first.settings.out.iterdir()}


def test_the_registered_champion_is_the_artifact_that_was_written(first: FirstRun) -> None:
    client = MlflowClient(first.settings.tracking_uri)
    version = client.get_model_version_by_alias(MODEL_NAME, CHAMPION)
    assert str(version.version) == "1"
    assert version.run_id == only_run(first.settings).info.run_id
    assert version.tags["artifact_version"] == load_artifact(first.settings.out).version


def test_bad_rows_stop_the_run_and_are_listed_by_line(again: Settings, tmp_path: Path) -> None:
    settings = replace(again, data=with_bad_rows(tmp_path), skip_bad_rows=False)
    with pytest.raises(DataError, match="2 bad rows") as caught:
        train(settings)
    assert caught.value.problems == (
        "line 6: quality is 1.7, outside [0, 1]", "line 8: prompt is empty"
    )  # fmt: skip
    assert only_run(settings).info.status == "FAILED"
    assert not settings.out.exists()


def test_bad_rows_are_listed_and_left_out_when_asked(first: FirstRun) -> None:
    for line in (
        "left out: line 6: quality is 1.7, outside [0, 1]",
        "left out: line 8: prompt is empty",
        "2 bad rows left out, as asked",
    ):
        assert first.stderr.count(line) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"data": "nowhere.jsonl"}, "no such file"),
        ({"catalog": Path("nowhere.toml")}, "there is no such catalog"),
        ({"candidate": "forest"}, "'forest' given, must be one of"),
        ({"encoder": Path("nowhere")}, "nowhere"),
    ],
)
def test_a_run_that_cannot_go_on_is_marked_failed(
    again: Settings, change: dict[str, object], message: str
) -> None:
    settings = replace(again, **change)
    with pytest.raises(RouterError, match=message):
        train(settings)
    assert only_run(settings).info.status == "FAILED"
    assert not settings.out.exists()
