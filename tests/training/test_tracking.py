"""Runs in a real MLflow store: status, names, registered versions and the champion alias."""

import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from router.errors import TrainingError
from training.settings import CHAMPION, MODEL_NAME, Settings
from training.tracking import ARTIFACT_PATH, champion_directory, start_run


@pytest.fixture
def settings(tmp_path: Path, new_store: Callable[[Path], str]) -> Settings:
    return Settings(tracking_uri=new_store(tmp_path), seed=7, experiment="tried")


def client_of(settings: Settings) -> MlflowClient:
    return MlflowClient(settings.tracking_uri)


def test_a_run_holds_every_setting_as_a_parameter(settings: Settings) -> None:
    with start_run(settings) as run:
        run.metrics({"aiq": 0.5})
        run.tags({"data_sha256": "abc"})
    known = client_of(settings).get_run(run.run_id)
    assert known.info.status == "FINISHED"
    assert known.data.params.keys() == set(Settings.__dataclass_fields__)
    assert known.data.params["seed"] == "7"
    assert known.data.metrics == {"aiq": 0.5}
    assert known.data.tags["data_sha256"] == "abc"


@pytest.mark.parametrize("error", [TrainingError("no"), KeyboardInterrupt(), ValueError("bug")])
def test_whatever_stops_a_run_marks_it_failed(settings: Settings, error: BaseException) -> None:
    with pytest.raises(type(error)), start_run(settings) as run:
        raise error
    assert client_of(settings).get_run(run.run_id).info.status == "FAILED"


def test_files_lie_beside_the_sqlite_store(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "note.txt").write_text("here")
    with start_run(settings) as run:
        run.files(tmp_path / "made", "evaluation")
    (found,) = (tmp_path / "mlruns").rglob("note.txt")
    assert found.parent.name == "evaluation"


def test_runs_of_one_experiment_stand_together(settings: Settings) -> None:
    for _ in range(2):
        with start_run(settings):
            pass
    client = client_of(settings)
    experiment = client.get_experiment_by_name("tried")
    assert len(client.search_runs([experiment.experiment_id])) == 2


def test_only_a_promoted_version_takes_the_alias(settings: Settings) -> None:
    numbers = []
    for version, champion in (("first", True), ("second", False)):
        with start_run(settings) as run:
            numbers.append(run.register(version, champion=champion))
    client = client_of(settings)
    assert numbers == ["1", "2"]
    assert str(client.get_model_version_by_alias(MODEL_NAME, CHAMPION).version) == "1"
    assert client.get_model_version(MODEL_NAME, "2").tags == {"artifact_version": "second"}
    with start_run(settings) as run:
        run.register("third", champion=True)
    assert str(client.get_model_version_by_alias(MODEL_NAME, CHAMPION).version) == "3"


def test_the_champions_files_come_back(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "made").mkdir()
    (tmp_path / "made" / "manifest.json").write_text("{}")
    with start_run(settings) as run:
        run.files(tmp_path / "made", ARTIFACT_PATH)
        run.register("first", champion=True)
    into = tmp_path / "into"
    into.mkdir()
    directory = champion_directory(settings, into)
    assert directory is not None
    assert (directory / "manifest.json").read_text() == "{}"


def test_a_store_without_a_champion_has_none(settings: Settings, tmp_path: Path) -> None:
    assert champion_directory(settings, tmp_path) is None
    with start_run(settings) as run:
        run.register("first", champion=False)
    assert champion_directory(settings, tmp_path) is None


def test_a_broken_store_is_not_taken_for_one_without_a_champion(
    settings: Settings, tmp_path: Path
) -> None:
    with start_run(settings) as run:
        run.register("first", champion=True)
    with sqlite3.connect(tmp_path / "mlflow.db") as store:
        store.execute("DROP TABLE registered_model_aliases")
    with pytest.raises(MlflowException):
        champion_directory(settings, tmp_path)


def test_training_reports_its_use_to_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow reads the variable when it is imported, which ``training`` comes before."""
    import os
    import subprocess
    import sys

    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MLFLOW", "PYTEST"))}
    told = subprocess.run(
        [
            sys.executable,
            "-c",
            "import training, os; print(os.environ['MLFLOW_DISABLE_TELEMETRY'])",
        ],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    assert told.stdout.strip() == "true"
