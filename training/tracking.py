"""Runs in MLflow: parameters, data, metrics, pictures, the artifact, a registered version.

The embedded SQLite store needs no server. Here are writing and reading of runs; comparing them for
people is ``training.compare``.
"""

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

from eval.results import Results
from training.settings import CHAMPION, MODEL_NAME, Settings

ARTIFACT_PATH = "artifact"
_NO_SUCH_VERSION = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")


@dataclass(frozen=True, slots=True)
class Run:
    """A run that is being written."""

    run_id: str
    client: MlflowClient

    def metrics(self, values: Mapping[str, float]) -> None:
        """Log numbers."""
        for name, value in values.items():
            self.client.log_metric(self.run_id, name, value)

    def tags(self, values: Mapping[str, str]) -> None:
        """Log words."""
        for name, value in values.items():
            self.client.set_tag(self.run_id, name, value)

    def files(self, directory: Path, under: str) -> None:
        """Log a directory."""
        self.client.log_artifacts(self.run_id, str(directory), under)

    def register(self, version: str, *, champion: bool) -> str:
        """Register this run's artifact as a model version; move the alias if it is promoted."""
        try:
            self.client.create_registered_model(MODEL_NAME)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        registered = self.client.create_model_version(
            MODEL_NAME,
            source=f"runs:/{self.run_id}/{ARTIFACT_PATH}",
            run_id=self.run_id,
            tags={"artifact_version": version},
        )
        number = str(registered.version)
        if champion:
            self.client.set_registered_model_alias(MODEL_NAME, CHAMPION, number)
        return number


@contextmanager
def start_run(settings: Settings) -> Iterator[Run]:
    """Start a run; it is marked FAILED when an error leaves the block."""
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(settings.tracking_uri)
    client = MlflowClient()
    known = client.get_experiment_by_name(settings.experiment)
    experiment = (
        known.experiment_id
        if known
        else client.create_experiment(settings.experiment, artifact_location=_artifacts(settings))
    )
    run = Run(client.create_run(experiment).info.run_id, client)
    for name, value in asdict(settings).items():
        client.log_param(run.run_id, name, str(value))
    try:
        yield run
    except BaseException:
        client.set_terminated(run.run_id, "FAILED")
        raise
    client.set_terminated(run.run_id, "FINISHED")


def champion_directory(settings: Settings, into: Path) -> Path | None:
    """Return the champion's artifact, downloaded below ``into``; None if there is none.

    ``into`` must be a directory of its own: what is downloaded keeps its name, ``artifact``.
    """
    mlflow.set_tracking_uri(settings.tracking_uri)
    client = MlflowClient()
    try:
        version = client.get_model_version_by_alias(MODEL_NAME, CHAMPION)
    except MlflowException as error:
        # Any other error must not look like an empty registry: it would promote unseen.
        if error.error_code not in _NO_SUCH_VERSION:
            raise
        return None
    into.mkdir(parents=True, exist_ok=True)
    uri = client.get_model_version_download_uri(MODEL_NAME, str(version.version))
    return Path(mlflow.artifacts.download_artifacts(artifact_uri=uri, dst_path=str(into)))


def result_metrics(results: Results) -> dict[str, float]:
    """Return the figures of an evaluation that runs are compared by."""
    ours = results.routers[0]
    metrics = {f"cost_share_{share.level:g}": share.share.value for share in ours.cost_shares}
    metrics["aiq"] = ours.aiq.value
    for item in results.calibration:
        if not item.task:
            metrics[f"ece_{item.tier}"] = item.calibration.ece_equal_mass
            metrics[f"brier_{item.tier}"] = item.calibration.brier
    return metrics


def _artifacts(settings: Settings) -> str | None:
    """Keep artifacts beside an SQLite store, wherever the command was started from."""
    prefix = "sqlite:///"
    if not settings.tracking_uri.startswith(prefix):
        return None
    store = Path(settings.tracking_uri.removeprefix(prefix)).resolve()
    return (store.parent / "mlruns").as_uri()
