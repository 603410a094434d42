"""Every prompt judged by an artifact that never saw its duplicate group: ``make crossval``.

Each fold is held out once; on the rest an artifact is trained exactly as ``make train`` does,
exported, loaded as the server would, and replayed on the fold. The pooled decisions are counted as
one evaluation, with intervals several times tighter than one held-out part gives.
"""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from eval.arrays import IntArray, StrArray
from eval.bootstrap import DRAWS
from eval.evaluate import count
from eval.judged import Judged, join, judge
from eval.results import Provenance, Results
from eval.split import PARTS, assign_split
from router.catalog import Catalog, load_catalog
from router.engine import build_engine
from router.errors import TrainingError
from router.predict.artifact import load_artifact
from training.data import read_training_data
from training.labels import rows_with_tiers
from training.pipeline import fit_and_export
from training.settings import Settings

VALIDATION_SHARE = 0.25


def cross_validate(
    settings: Settings, folds: int, command: str, say: Callable[[str], None] = lambda _: None
) -> Results:
    """Train and judge ``folds`` artifacts and count their pooled decisions.

    Args:
        settings: As for one training run; nothing is logged or promoted.
        folds: At least 2.
        command: What was typed, for the record.
        say: Told what happens.

    Raises:
        RouterError: of the step that refused to go on.
    """
    if folds < 2:
        raise TrainingError(f"{folds} folds given, at least 2 are needed")
    catalog = load_catalog(settings.catalog)
    table = read_training_data(settings, say)
    usable = rows_with_tiers(table, catalog)
    fold_of = fold_of_groups(usable.group, settings.seed, folds)
    judged: list[Judged] = []
    versions = []
    for fold in range(folds):
        say(f"fold {fold + 1} of {folds}")
        # Within the other folds, a part is set aside for choosing and calibrating.
        inner = assign_split(
            usable.group, settings.seed + 1, (1.0 - VALIDATION_SHARE, VALIDATION_SHARE, 0.0)
        )
        parts = np.where(fold_of == fold, PARTS[2], inner)
        with tempfile.TemporaryDirectory() as temporary:
            place = Path(temporary) / "artifact"
            fit_and_export(settings, catalog, table, place, say, parts)
            engine = build_engine(load_artifact(place), catalog)
            tiers = usable.for_models([tier.reference_model for tier in catalog.tiers])
            held_out = parts == PARTS[2]
            judged.append(judge(engine, tiers.select(held_out), tiers.select(~held_out)))
            versions.append(engine.artifact.version)
    pooled = join(judged)
    return count(
        pooled,
        catalog,
        _provenance(settings, catalog, table.content_hash(), pooled, versions, command),
        progress=say,
    )


def fold_of_groups(groups: StrArray, seed: int, folds: int) -> IntArray:
    """Return the fold of each row, (n,) int: groups are dealt out whole, by their hash."""
    fold = np.full(len(groups), folds - 1, dtype=np.int64)
    for k in range(folds - 1):
        share = 1.0 / (folds - k)
        free = fold == folds - 1
        taken = assign_split(groups, seed * 1000 + k, (share, 1.0 - share, 0.0)) == PARTS[0]
        fold[free & taken] = k
    return fold


def _provenance(
    settings: Settings,
    catalog: Catalog,
    data_sha256: str,
    pooled: Judged,
    versions: list[str],
    command: str,
) -> Provenance:
    return Provenance(
        command=command,
        seed=settings.seed,
        draws=DRAWS,
        artifact_version="+".join(version[:6] for version in versions),
        catalog_name=catalog.name,
        catalog_version=catalog.version,
        data_sha256=data_sha256,
        data_matches_artifact=True,
        split_seed=settings.seed,
        split_fractions=(),
        prompts_held_out=len(pooled.test),
        groups_held_out=int(np.unique(pooled.test.group).size),
        prompts_known=0,
        notes=(
            (
                f"Cross-validation: each of the {len(versions)} artifacts judged only prompts "
                "whose duplicate groups it never saw; hulls and intervals are over the pooled "
                "prompts."
            ),
        ),
    )
