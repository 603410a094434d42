"""The straight line of ``make train``, on one screen.

read -> split -> labels -> fit and choose -> export -> parity gate -> calibrate contracts -> load as
the server would -> evaluate on the held-out part -> promotion gate -> MLflow -> promote. Each step
lives in its own module; here is only their order and what is told on the way.
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from eval.arrays import StrArray
from eval.evaluate import evaluate
from eval.outcomes import OutcomeTable
from eval.report import write_report
from eval.results import Results
from eval.results_file import write_results
from eval.split import PARTS, assign_split
from router.catalog import Catalog, load_catalog
from router.defaults import default_artifact_directory
from router.engine import Engine, build_engine
from router.errors import ArtifactError, TrainingError
from router.predict.artifact import load_artifact
from router.predict.encoder import TextEncoder
from router.predict.length_bounds import LengthBounds
from training.data import read_training_data
from training.export import Provenance, copy_artifact, sha256_of, write_artifact
from training.gate import Verdict, promotion_gate
from training.gate_traffic import traffic_gate
from training.heads import Known, fit_heads
from training.labels import Examples, examples_of, rows_with_tiers
from training.length_bounds import TOO_FEW, counted_lengths, fit_length_bounds
from training.novelty import add_novelty, fit_novelty
from training.otherwise import own_conversations, training_pairs
from training.parity import GivesTokens, Parity, check_parity
from training.prior import join_examples, prior_examples, tiers_named
from training.promise import calibrate
from training.settings import FRACTIONS, SHARED, Settings
from training.tracking import ARTIFACT_PATH, Run, champion_directory, result_metrics, start_run

Say = Callable[[str], None]


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


def fit_and_export(
    settings: Settings,
    catalog: Catalog,
    table: OutcomeTable,
    place: Path,
    tell: Say,
    parts: StrArray | None = None,
) -> tuple[Parity, dict[str, float], str]:
    """Fit heads, export them to ``place``, and check the exported graph.

    Args:
        settings: Seed, encoder, and which candidates are fitted.
        catalog: Tiers and their reference models.
        table: All outcomes.
        place: Artifact directory to write.
        tell: Told what happens.
        parts: Part of each row that has an outcome of every tier; by default the split of
            ``settings.seed``.

    Returns:
        How close graph and candidate are, every candidate's validation log loss, and which was
        chosen.

    Raises:
        TrainingError: too few examples or lengths, or the parity gate.
    """
    usable = rows_with_tiers(table, catalog)
    if parts is None:
        parts = assign_split(usable.group, settings.seed, FRACTIONS)
    counts = {part: int((parts == part).sum()) for part in PARTS}
    tell(f"{len(usable)} prompts with outcomes of {', '.join(catalog.tier_names)}: {counts}")
    examples = examples_of(usable, catalog, parts == PARTS[0])
    training, validation = (examples.select(parts == part) for part in PARTS[:2])
    prior = _prior(settings, catalog, tell)
    if prior is not None:
        training = join_examples(training, prior)
    width = table.vectors.shape[1], table.features.shape[1]
    held_out = usable.group[parts != PARTS[0]]
    pairs = None
    if settings.candidate == SHARED or settings.distil:
        pairs = training_pairs(
            own_conversations(None if prior is None else settings.prior),
            TextEncoder(settings.encoder),
            settings.seed,
            recorded=settings.otherwise,
            table=table,
            held_out=held_out,
            tell=tell,
        )
    known = Known(table, held_out, training, validation, prior, pairs)
    fitted = fit_heads(settings, catalog, known, tell)
    parity = check_parity(
        fitted.graph, fitted.adequacy, fitted.lengths, validation.inputs, width[0]
    )
    tell(f"parity gate passed: adequacy within {parity.adequacy_max:.1e} of what was fitted")
    bounds = _length_bounds(
        fitted.lengths,
        validation,
        usable.select(parts == PARTS[1]),
        catalog,
        tell,
    )
    heads = add_novelty(fitted.graph, fit_novelty(training, settings.seed))
    made = Provenance(
        candidate=fitted.candidate,
        distilled=fitted.distilled,
        seed=settings.seed,
        fractions=FRACTIONS,
        data_sha256=table.content_hash(),
        rows=counts,
        validation_log_loss=fitted.losses,
        sources=sorted(np.unique(usable.source).tolist()),
        prior_rows=0 if prior is None else len(prior),
        prior_sha256="" if prior is None or settings.prior is None else sha256_of(settings.prior),
        otherwise_rows=0 if pairs is None else len(pairs),
        length_bounds=bounds,
    )
    write_artifact(place, heads, settings.encoder, catalog, made)
    return parity, fitted.losses, fitted.candidate


def _length_bounds(
    heads: GivesTokens, validation: Examples, table: OutcomeTable, catalog: Catalog, tell: Say
) -> LengthBounds | None:
    """Fit upper output lengths to what the exported heads expect, if lengths enough are counted.

    ``table`` are the outcomes of the validation part, row by row.
    """
    recorded = counted_lengths(table.for_models([t.reference_model for t in catalog.tiers]))
    try:
        return fit_length_bounds(heads.tokens(validation.inputs), recorded, catalog.tier_names)
    except TrainingError as error:
        if error.reason != TOO_FEW:
            raise
        tell(f"no upper output lengths: {error.message}")
        return None


def _calibrated(place: Path, table: OutcomeTable, catalog: Catalog) -> str:
    """Calibrate the new artifact for contracts if there are prompts enough; say what was done."""
    try:
        done = calibrate(place, place, table, catalog)
    except TrainingError as error:
        return f"not calibrated for contracts: {error.message}"
    return f"calibrated for contracts on {done.counts.n} held-out prompts"


def _prior(settings: Settings, catalog: Catalog, tell: Say) -> Examples | None:
    """Return the prior's examples, if one is wanted and its bands name this catalog's tiers."""
    if settings.prior is None:
        return None
    strangers = tiers_named(settings.prior) - set(catalog.tier_names)
    if strangers:
        tell(
            f"prior left out: {settings.prior} names tiers {sorted(strangers)}, the catalog has "
            f"{list(catalog.tier_names)}"
        )
        return None
    examples = prior_examples(settings.prior, TextEncoder(settings.encoder), catalog.tier_names)
    tell(f"{len(examples)} training examples of the prior in {settings.prior}")
    return examples


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
