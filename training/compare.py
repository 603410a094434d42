"""Runs side by side, for reading in a terminal: ``make compare``."""

import logging
from datetime import UTC, datetime

import mlflow
from mlflow import MlflowClient
from mlflow.entities import Run
from mlflow.exceptions import MlflowException

from eval.tables import aligned
from router.errors import TrainingError
from training.settings import CHAMPION, MODEL_NAME

_METRICS = ("cost_share_0.99", "cost_share_0.95", "aiq", "ece_small", "ece_large")


def comparison_table(tracking_uri: str, experiment: str, limit: int) -> str:
    """Return the newest ``limit`` runs as an aligned table, the champion marked with ``*``.

    Raises:
        TrainingError: there is no run yet.
    """
    logging.getLogger("mlflow.store.db.utils").setLevel(logging.WARNING)
    logging.getLogger("alembic").setLevel(logging.WARNING)
    mlflow.set_tracking_uri(tracking_uri)
    client = MlflowClient()
    known = client.get_experiment_by_name(experiment)
    runs = client.search_runs([known.experiment_id], max_results=limit) if known else []
    if not runs:
        raise TrainingError(
            f"no run of experiment {experiment!r} in {tracking_uri}: run 'make train' first"
        )
    champion = _champion_run(client)
    head = ["", "run", "started (UTC)", "status", "data", "candidate", "seed", "artifact"]
    rows = [_row(run, champion) for run in runs]
    return aligned([[*head, *_METRICS], *rows])


def _champion_run(client: MlflowClient) -> str | None:
    try:
        return str(client.get_model_version_by_alias(MODEL_NAME, CHAMPION).run_id)
    except MlflowException:
        return None


def _row(run: Run, champion: str | None) -> list[str]:
    parameters, tags, metrics = run.data.params, run.data.tags, run.data.metrics
    started = datetime.fromtimestamp(run.info.start_time / 1000, tz=UTC)
    return [
        "*" if run.info.run_id == champion else "",
        run.info.run_id[:8],
        started.strftime("%Y-%m-%d %H:%M"),
        run.info.status.lower() if tags.get("promoted") != "false" else "not promoted",
        tags.get("data_sha256", "-")[:8],
        tags.get("candidate", "-"),
        parameters.get("seed", "-"),
        tags.get("artifact_version", "-")[:8],
        *(f"{metrics[name]:.3f}" if name in metrics else "-" for name in _METRICS),
    ]
