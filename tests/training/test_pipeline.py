"""``make train`` end to end on small real runs: what is written, logged, promoted and refused."""

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

import numpy as np
import pytest
from mlflow import MlflowClient
from mlflow.entities import Run
from synthetic import ENCODER, shuffled, user_records, write_jsonl

from eval.outcomes import Origin, OutcomeTable, read_outcomes, write_outcomes
from router.catalog import load_catalog
from router.engine import build_engine
from router.errors import DataError, RouterError
from router.predict.artifact import load_artifact
from router.types import Message, Request
from training.candidates import CANDIDATES
from training.data import read_training_data
from training.pipeline import Finished, train
from training.settings import CHAMPION, MODEL_NAME, Settings

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = Origin("made up", "", "none")


@dataclass(frozen=True)
class FirstRun:
    """A finished ``python -m training train`` on a user's JSONL."""

    settings: Settings
    stdout: str
    stderr: str

    @property
    def store(self) -> Path:
        return Path(self.settings.tracking_uri.removeprefix("sqlite:///")).parent


def only_run(settings: Settings) -> Run:
    client = MlflowClient(settings.tracking_uri)
    (run,) = client.search_runs([client.get_experiment_by_name(settings.experiment).experiment_id])
    return run


def champion_version(settings: Settings) -> str:
    alias = MlflowClient(settings.tracking_uri).get_model_version_by_alias(MODEL_NAME, CHAMPION)
    return str(alias.version)


@pytest.fixture(scope="module")
def first(
    tmp_path_factory: pytest.TempPathFactory,
    new_store: Callable[[Path], str],
    made_up_catalog_file: Path,
) -> FirstRun:
    place = tmp_path_factory.mktemp("first")
    settings = Settings(
        data=str(write_jsonl(place / "labels.jsonl", user_records())),
        catalog=made_up_catalog_file,
        out=place / "out",
        tracking_uri=new_store(place / "store"),
        use_champion=False,
    )
    command = [
        sys.executable, "-m", "training", "train", "--data", settings.data,
        "--catalog", str(settings.catalog), "--out", str(settings.out),
        "--tracking-uri", settings.tracking_uri, "--no-champion",
    ]  # fmt: skip
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return FirstRun(settings, done.stdout, done.stderr)


@pytest.fixture
def again(first: FirstRun, tmp_path: Path, new_store: Callable[[Path], str]) -> Settings:
    """Return the settings of the first run with a store and output of their own."""
    store = new_store(tmp_path / "store")
    return replace(first.settings, out=tmp_path / "out", tracking_uri=store)


@pytest.fixture(scope="module")
def second(
    first: FirstRun, tmp_path_factory: pytest.TempPathFactory, new_store: Callable[[Path], str]
) -> tuple[Settings, Finished]:
    place = tmp_path_factory.mktemp("second")
    settings = replace(first.settings, out=place / "out", tracking_uri=new_store(place / "store"))
    return settings, train(settings)


def test_the_written_artifact_routes_a_prompt(first: FirstRun) -> None:
    engine = build_engine(load_artifact(first.settings.out), load_catalog(first.settings.catalog))
    easy = "Name the colour of the kettle beside the ladder near a garden. (yarn window tunnel)"
    decision = engine.route(Request((Message("user", easy),)))
    assert decision.artifact_version == engine.artifact.version
    assert decision.chosen.deployment.tier == "small"
    assert [one.adequacy for one in decision.estimates] == sorted(
        one.adequacy for one in decision.estimates
    )


def test_progress_and_the_verdict_are_told(first: FirstRun) -> None:
    for part in (
        "1200 outcomes, 400 prompts", "fitting linear", "parity gate passed", "golden rows"
    ):  # fmt: skip
        assert part in first.stderr
    version = load_artifact(first.settings.out).version
    assert re.search(rf"^artifact +{version} \(", first.stdout, re.MULTILINE)
    assert "no champion to beat" in first.stdout
    assert f"written to  {first.settings.out}" in first.stdout


def test_the_same_seed_gives_the_same_artifact_byte_for_byte(
    first: FirstRun, second: tuple[Settings, Finished]
) -> None:
    settings, outcome = second
    assert outcome.artifact_version == load_artifact(first.settings.out).version
    there, here = first.settings.out, settings.out
    assert sorted(p.name for p in there.iterdir()) == sorted(p.name for p in here.iterdir())
    for path in there.iterdir():
        assert path.read_bytes() == (here / path.name).read_bytes(), path.name


def test_another_seed_gives_another_artifact(again: Settings, first: FirstRun) -> None:
    outcome = train(replace(again, seed=1, candidate="logistic"))
    assert outcome.artifact_version != load_artifact(first.settings.out).version
    heads = [(out / "heads.onnx").read_bytes() for out in (again.out, first.settings.out)]
    assert heads[0] != heads[1]


def test_the_manifest_tells_no_time_place_or_machine(first: FirstRun) -> None:
    text = (first.settings.out / "manifest.json").read_text()
    card = (first.settings.out / "MODEL_CARD.md").read_text()
    keys = json.loads(text).keys()
    assert not {key for key in keys if re.search("time|date|host|path|user", key)}
    for found in (text, card):
        assert str(first.settings.out.parent) not in found
        assert str(ROOT) not in found
        assert socket.gethostname() not in found
        assert not re.search(r"20\d\d-\d\d-\d\d|\d\d:\d\d", found)
        assert "/" + getpass.getuser() not in found


def test_the_run_holds_parameters_hashes_metrics_pictures_and_the_artifact(
    first: FirstRun,
) -> None:
    run = only_run(first.settings)
    artifact = load_artifact(first.settings.out)
    assert run.info.status == "FINISHED"
    assert run.data.params["data"] == first.settings.data
    assert run.data.params["seed"] == "0"
    expected_tags = {
        "artifact_version": artifact.version,
        "candidate": artifact.manifest.extra["training"]["candidate"],
        "catalog_version": load_catalog(first.settings.catalog).version,
        "data_sha256": artifact.manifest.data_sha256,
        "encoder_sha256": artifact.manifest.encoder_sha256,
        "promoted": "true",
    }
    assert expected_tags.items() <= run.data.tags.items()
    metrics = run.data.metrics
    assert {"aiq", "cost_share_0.99", "cost_share_0.95", "ece_small", "brier_large"} <= set(metrics)
    for name in CANDIDATES:
        assert 0 < metrics[f"validation_log_loss_{name.replace(' ', '_')}"] < 1
    assert metrics["parity_adequacy_max"] < 1e-3
    client = MlflowClient(first.settings.tracking_uri)
    evaluation = {one.path for one in client.list_artifacts(run.info.run_id, "evaluation")}
    assert {
        "evaluation/frontier.png", "evaluation/report.html", "evaluation/results.json"
    } <= evaluation  # fmt: skip
    kept = {one.path for one in client.list_artifacts(run.info.run_id, "artifact")}
    assert kept == {f"artifact/{path.name}" for path in first.settings.out.iterdir()}


def test_the_registered_champion_is_the_artifact_that_was_written(first: FirstRun) -> None:
    client = MlflowClient(first.settings.tracking_uri)
    version = client.get_model_version_by_alias(MODEL_NAME, CHAMPION)
    assert str(version.version) == "1"
    assert version.run_id == only_run(first.settings).info.run_id
    assert version.tags["artifact_version"] == load_artifact(first.settings.out).version


def copied_store(first: FirstRun, to: Path) -> str:
    """Copy the first run's store; the champion's files stay where they are and are only read."""
    to.mkdir()
    shutil.copyfile(first.store / "mlflow.db", to / "mlflow.db")
    return f"sqlite:///{to / 'mlflow.db'}"


def test_an_equal_run_is_promoted_and_takes_the_alias(first: FirstRun, tmp_path: Path) -> None:
    candidate = json.loads((first.settings.out / "manifest.json").read_text())["training"][
        "candidate"
    ]
    settings = replace(
        first.settings,
        out=tmp_path / "out",
        tracking_uri=copied_store(first, tmp_path / "store"),
        candidate=candidate,
        use_champion=True,
    )
    outcome = train(settings)
    assert outcome.promoted
    assert outcome.verdict is not None
    assert outcome.verdict.champion_version == load_artifact(first.settings.out).version
    assert champion_version(settings) == "2"
    assert load_artifact(settings.out).version == outcome.artifact_version


def test_a_worse_run_leaves_output_and_alias_as_they_were(
    made_up: OutcomeTable,
    parts: np.ndarray,
    made_up_catalog_file: Path,
    tmp_path: Path,
    new_store: Callable[[Path], str],
) -> None:
    """The second run learns from outcomes dealt out at random; held-out ones stay as they are."""
    for name, table in (("good", made_up), ("bad", shuffled(made_up, parts != "test"))):
        write_outcomes(table, tmp_path / name / "outcomes.parquet", ORIGIN)
    settings = Settings(
        data=str(tmp_path / "good"),
        catalog=made_up_catalog_file,
        out=tmp_path / "out",
        tracking_uri=new_store(tmp_path / "store"),
        candidate="logistic",
        use_champion=False,
    )
    good = train(settings)
    before = {path.name: path.read_bytes() for path in settings.out.iterdir()}
    told: list[str] = []
    bad = train(replace(settings, data=str(tmp_path / "bad"), use_champion=True), told.append)
    assert not bad.promoted
    assert bad.verdict is not None
    assert bad.verdict.champion_version == good.artifact_version
    assert any("NOT promoted: against champion" in line for line in told)
    assert {path.name: path.read_bytes() for path in settings.out.iterdir()} == before
    assert champion_version(settings) == good.registered_version == "1"
    assert bad.registered_version == "2"
    client = MlflowClient(settings.tracking_uri)
    assert client.get_run(bad.run_id).data.tags["promoted"] == "false"
    assert client.get_run(bad.run_id).info.status == "FINISHED"


def test_a_champion_for_other_tiers_is_told_of_and_not_compared(
    again: Settings, tmp_path: Path
) -> None:
    """Before a first champion the shipped artifact is one; another threshold does not fit it."""
    text = again.catalog.read_text().replace("adequate_quality = 0.5", "adequate_quality = 0.9")
    (tmp_path / "strict.toml").write_text(text)
    told: list[str] = []
    settings = replace(again, catalog=tmp_path / "strict.toml", use_champion=True)
    outcome = train(replace(settings, candidate="logistic"), told.append)
    assert outcome.verdict is None
    assert outcome.promoted
    assert any("does not fit this catalog" in line for line in told)


def test_a_champion_of_another_split_is_told_of(first: FirstRun, tmp_path: Path) -> None:
    told: list[str] = []
    settings = replace(
        first.settings,
        out=tmp_path / "out",
        tracking_uri=copied_store(first, tmp_path / "store"),
        candidate="logistic",
        use_champion=True,
        seed=3,
    )
    train(settings, told.append)
    assert any("the champion's split has seed 0, this one 3" in line for line in told)


def with_bad_rows(place: Path) -> Path:
    records = user_records()
    records[5]["quality"] = 1.7
    records[7]["prompt"] = " "
    return write_jsonl(place / "some_bad.jsonl", records)


def test_bad_rows_stop_the_run_and_are_listed_by_line(again: Settings, tmp_path: Path) -> None:
    settings = replace(again, data=str(with_bad_rows(tmp_path)))
    with pytest.raises(DataError, match="2 bad rows") as caught:
        train(settings)
    assert caught.value.problems == (
        "line 6: quality is 1.7, outside [0, 1]", "line 8: prompt is empty"
    )  # fmt: skip
    assert only_run(settings).info.status == "FAILED"
    assert not settings.out.exists()


def test_bad_rows_are_listed_and_left_out_when_asked(again: Settings, tmp_path: Path) -> None:
    told: list[str] = []
    settings = replace(again, data=str(with_bad_rows(tmp_path)), skip_bad_rows=True)
    table = read_training_data(settings, told.append)
    assert int(np.isfinite(table.quality).sum()) == 1198
    assert "left out: line 6: quality is 1.7, outside [0, 1]" in told
    assert "2 bad rows left out, as asked" in told
    outcome = train(replace(settings, candidate="logistic"))
    assert outcome.promoted


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
    run = only_run(settings)
    assert run.info.status == "FAILED"
    assert not settings.out.exists()


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"encoder_sha256": "0" * 64}, "ENCODER_MISMATCH"),
        ({"features_version": "0"}, "FEATURES_MISMATCH"),
    ],
)
def test_outcomes_of_another_encoder_or_feature_version_are_refused(
    made_up: OutcomeTable, tmp_path: Path, change: dict[str, str], reason: str
) -> None:
    write_outcomes(replace(made_up, **change), tmp_path / "old.parquet", ORIGIN)
    with pytest.raises(DataError, match="run `make data` to rebuild") as caught:
        read_training_data(Settings(data=str(tmp_path), encoder=ENCODER), lambda _: None)
    assert caught.value.reason == reason


def test_outcome_files_are_read_by_file_and_by_directory(
    made_up: OutcomeTable, tmp_path: Path
) -> None:
    write_outcomes(made_up, tmp_path / "some.parquet", ORIGIN)
    hashes = {
        read_training_data(Settings(data=str(path)), lambda _: None).content_hash()
        for path in (tmp_path, tmp_path / "some.parquet")
    }
    assert hashes == {read_outcomes(tmp_path).content_hash()}
