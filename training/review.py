"""Fitting an artifact's review: ``make review``.

Out-of-fold predictions are made by training once per fold, exactly as ``make crossval`` does; on
them and the recorded answers the heads are fitted (``eval.review.fit``) and written beside the
unchanged predictor as ``review.json``, so the artifact gets another version. What a review brings
is measured by ``python -m eval.review`` from the same predictions.
"""

import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eval.outcomes import OutcomeTable
from eval.review.answers import Answers
from eval.review.measure import fit_without
from eval.review.predictions import Predictions
from eval.review.prepare import WILLINGNESS_TO_PAY_USD, prepare
from eval.split import PARTS, assign_split, fold_of_groups
from router.catalog import Catalog, load_catalog
from router.engine import build_engine
from router.errors import TrainingError
from router.predict.artifact import load_artifact
from router.predict.files import read_json
from router.predict.parts import REVIEW_FILE, REVIEWED_FILE
from router.promise.reviewed import reviewed_to_json
from router.review.saved import review_to_json
from training.build import fit_and_export
from training.data import read_training_data
from training.export import MANIFEST_FILE, replace_directory, write_manifest
from training.labels import rows_with_tiers
from training.reviewed import count_reviewed
from training.settings import FRACTIONS, Settings

_VALIDATION_SHARE = 0.25


def predict_out_of_fold(
    settings: Settings,
    folds: int,
    say: Callable[[str], None] = lambda _: None,
    *,
    spare_held_out: bool = False,
) -> Predictions:
    """Train ``folds`` artifacts and let each predict the prompts it has not seen.

    Args:
        settings: As for training.
        folds: Number of artifacts, >= 2.
        say: Told how far it is.
        spare_held_out: Whether none of them may learn from the part that ``make train`` with the
            same seed holds out, whose prompts are then not predicted: so that a contract can be
            calibrated on them.

    Raises:
        RouterError: of the step that refused to go on; fewer than 2 folds.
    """
    if folds < 2:
        raise TrainingError(f"{folds} folds given, at least 2 are needed")
    catalog = load_catalog(settings.catalog)
    table = read_training_data(settings, say)
    usable = rows_with_tiers(table, catalog)
    fold_of = fold_of_groups(usable.group, settings.seed, folds)
    spared = np.zeros(len(usable), dtype=bool)
    if spare_held_out:
        spared = assign_split(usable.group, settings.seed, FRACTIONS) == PARTS[2]
    adequacy = np.zeros((len(usable), len(catalog.tiers)))
    output_tokens = np.zeros_like(adequacy)
    for fold in range(folds):
        say(f"fold {fold + 1} of {folds}")
        held_out = fold_of == fold
        inner = assign_split(
            usable.group, settings.seed + 1, (1.0 - _VALIDATION_SHARE, _VALIDATION_SHARE, 0.0)
        )
        parts = np.where(held_out | spared, PARTS[2], inner)
        with tempfile.TemporaryDirectory() as temporary:
            place = Path(temporary) / "artifact"
            fit_and_export(settings, catalog, table, place, say, parts)
            heads = load_artifact(place).heads
            rows = usable.select(held_out)
            adequacy[held_out], output_tokens[held_out] = heads.run(rows.vectors, rows.features)
    predictions = Predictions(
        catalog.tier_names, usable.prompt_ids, fold_of, adequacy, output_tokens, settings.seed
    )
    return predictions.select(~spared)


def write_review(
    artifact: Path,
    out: Path,
    table: OutcomeTable,
    answers: Answers,
    predictions: Predictions,
    catalog: Catalog,
    pays_usd: tuple[float, ...] = WILLINGNESS_TO_PAY_USD,
) -> str:
    """Fit a review on all prompts that have answers, and write a copy of the artifact with it.

    If the predictions spare the held-out part and the artifact keeps contracts, a contract over
    reviews is calibrated on that part (``training.reviewed``).

    Args:
        artifact: Artifact directory; may be ``out`` itself.
        out: Directory that is replaced.
        table: Outcomes of the tiers' reference models.
        answers: Their recorded answers.
        predictions: Out of fold, for the catalog's tiers.
        catalog: Tiers, reference models, prices and the threshold of adequacy.
        pays_usd: Willingnesses to pay that a contract over reviews chooses from, > 0, rising.

    Returns:
        The version of what was written.

    Raises:
        DataError, ArtifactError: the data or the artifact are refused.
    """
    engine = build_engine(load_artifact(artifact), catalog)  # refuses an artifact of other tiers
    data = prepare(table, answers, predictions, catalog)
    model = fit_without(data, catalog, None)
    reviewed = None
    if engine.artifact.promise is not None:
        reviewed = count_reviewed(engine, model, table, answers, predictions, pays_usd)
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=".artifact-") as temporary:
        place = Path(temporary) / "artifact"
        shutil.copytree(artifact, place)
        (place / REVIEW_FILE).write_text(review_to_json(model) + "\n", encoding="utf-8")
        manifest = read_json(place / MANIFEST_FILE)
        manifest["review"] = {"prompts": model.prompts, "seed": predictions.seed}
        (place / REVIEWED_FILE).unlink(missing_ok=True)
        if reviewed is not None:
            (place / REVIEWED_FILE).write_text(reviewed_to_json(reviewed) + "\n", encoding="utf-8")
            manifest["review"]["calibration_prompts"] = reviewed.counts.n
        version = write_manifest(place, manifest)
        replace_directory(place, out)
    return version
