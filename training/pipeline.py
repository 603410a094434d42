"""The straight line of ``make train``, on one screen.

read -> split -> labels -> fit and choose -> export -> parity gate -> calibrate contracts -> load as
the server would -> evaluate on the held-out part -> promotion gate -> MLflow -> promote. Each step
lives in its own module; here is only their order and what is told on the way.
"""

import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.evaluate import evaluate
from eval.outcomes import OutcomeTable
from eval.report import write_report
from eval.results import Results
from eval.results_file import write_results
from router.catalog import Catalog, load_catalog
from router.defaults import default_artifact_directory
from router.engine import Engine, build_engine
from router.errors import ArtifactError, TrainingError
from router.predict.artifact import load_artifact
from training.build import Say, fit_and_export
from training.data import read_training_data
from training.export import copy_artifact
from training.gate import Verdict, promotion_gate
from training.gate_traffic import traffic_gate
from training.parity import Parity
from training.promise import calibrate
from training.settings import Settings
from training.tracking import ARTIFACT_PATH, Run, champion_directory, result_metrics, start_run


@dataclass(frozen=True, slots=True)
class Finished:
    """What a run ended with. ``verdict`` is None where there was no champion to compare with."""

    artifact_version: str
    candidate: str
    verdict: Verdict | None
    promoted: bool
    results: Results
    run_id: str
    registered_version: str
    seconds: float


def train(settings: Settings, say: Say = lambda _: None) -> Finished:
    """Train, evaluate, log, and promote if the gate says so.

    Raises:
        RouterError: of the step that refused to go on; the MLflow run is marked as failed.
    """
    started = time.monotonic()

    def tell(line: str) -> None:
        say(f"[{time.monotonic() - started:5.1f} s] {line}")

    with start_run(settings) as run, tempfile.TemporaryDirectory() as temporary:
        place = Path(temporary) / "artifact"
        catalog = load_catalog(settings.catalog)
        tell(f"reading {settings.data}")
        table = read_training_data(settings, tell)
        parity, losses, candidate = fit_and_export(settings, catalog, table, place, tell)
        tell(_calibrated(place, table, catalog))
        engine = build_engine(load_artifact(place), catalog)
        tell(f"artifact {engine.artifact.version} ({candidate}) passed its golden rows")
        results = evaluate(
            engine, table, seed=settings.seed, draws=settings.draws, command="make train"
        )
        verdict = _verdict(settings, engine, table, Path(temporary), tell)
        promoted = verdict is None or verdict.promoted
        tell(verdict.sentence() if verdict else "promoted: there is no champion to compare with")
        if settings.traffic_log is not None:
            traffic = traffic_gate(
                place, settings.catalog, settings.traffic_log, settings.traffic_outcomes
            )
            tell(traffic.sentence())
            promoted = promoted and traffic.promoted
        report = Path(temporary) / "evaluation"
        write_results(results, report / "results.json")
        write_report(results, report)
        registered = _log(run, engine, place, report, results, parity, losses, promoted)
        if promoted:
            copy_artifact(place, settings.out)
            tell(f"wrote {settings.out}")
    return Finished(
        engine.artifact.version,
        candidate,
        verdict,
        promoted,
        results,
        run.run_id,
        registered,
        time.monotonic() - started,
    )


def _calibrated(place: Path, table: OutcomeTable, catalog: Catalog) -> str:
    """Calibrate the new artifact for contracts if there are prompts enough; say what was done."""
    try:
        done = calibrate(place, place, table, catalog)
    except TrainingError as error:
        return f"not calibrated for contracts: {error.message}"
    return f"calibrated for contracts on {done.counts.n} held-out prompts"


def _verdict(
    settings: Settings, engine: Engine, table: OutcomeTable, temporary: Path, tell: Say
) -> Verdict | None:
    """Compare with the champion: the registered one, or before any, the one that ships."""
    if not settings.use_champion:
        return None
    directory = champion_directory(settings, temporary / "champion") or default_artifact_directory()
    if not (directory / "manifest.json").exists():
        return None
    try:
        champion = build_engine(load_artifact(directory), engine.catalog)
    except ArtifactError as error:
        tell(f"the champion does not fit this catalog or release and is not compared: {error}")
        return None
    if champion.artifact.manifest.split_seed != settings.seed:
        tell(
            f"the champion's split has seed {champion.artifact.manifest.split_seed}, this one "
            f"{settings.seed}: it may have learnt from prompts held out here, which favours it"
        )
    return promotion_gate(engine, champion, table, seed=settings.seed, draws=settings.draws)


def _log(
    run: Run,
    engine: Engine,
    place: Path,
    report: Path,
    results: Results,
    parity: Parity,
    losses: dict[str, float],
    promoted: bool,
) -> str:
    run.metrics(result_metrics(results))
    run.metrics({f"validation_log_loss_{name.replace(' ', '_')}": x for name, x in losses.items()})
    run.metrics({f"parity_{name}": value for name, value in asdict(parity).items()})
    run.tags(
        {
            "artifact_version": engine.artifact.version,
            "candidate": str(engine.artifact.manifest.extra["training"]["candidate"]),
            "catalog_version": engine.catalog.version,
            "data_sha256": engine.artifact.manifest.data_sha256,
            "encoder_sha256": engine.artifact.manifest.encoder_sha256,
            "promoted": str(promoted).lower(),
        }
    )
    run.files(place, ARTIFACT_PATH)
    run.files(report, "evaluation")
    return run.register(engine.artifact.version, champion=promoted)
