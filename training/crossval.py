"""Every prompt judged by an artifact that never saw its duplicate group: ``make crossval``.

Each fold is held out once; on the rest an artifact is trained exactly as ``make train`` does,
exported, loaded as the server would, and replayed on the fold. The pooled decisions are counted as
one evaluation, with intervals several times tighter than one held-out part gives. With a task or a
source left out instead, the same shows what is left of the skill on prompts unlike the learnt ones.
"""

import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from eval.arrays import IntArray
from eval.evaluate import count
from eval.judged import Contender, Judged, join, judge
from eval.outcomes import OutcomeTable
from eval.results import Provenance, Results
from eval.split import PARTS, assign_split, fold_of_groups
from router.catalog import Catalog, load_catalog
from router.engine import build_engine
from router.errors import TrainingError
from router.predict.artifact import load_artifact
from training.build import fit_and_export
from training.data import read_training_data
from training.labels import rows_with_tiers
from training.settings import Settings

LEFT_OUT: tuple[str, ...] = ("task", "source")
VALIDATION_SHARE = 0.25


def cross_validate(
    settings: Settings,
    folds: int,
    command: str,
    say: Callable[[str], None] = lambda _: None,
    *,
    leave_out: str = "",
    contenders: Sequence[Contender] = (),
) -> Results:
    """Train and judge one artifact per fold and count their pooled decisions.

    Args:
        settings: As for one training run; nothing is logged or promoted.
        folds: At least 2; not used where something is left out.
        command: What was typed, for the record.
        say: Told what happens.
        leave_out: ``task`` or ``source``: every value of it is a fold of its own.
        contenders: Further routers that decide the same prompts.

    Raises:
        RouterError: of the step that refused to go on.
    """
    if folds < 2:
        raise TrainingError(f"{folds} folds given, at least 2 are needed")
    catalog = load_catalog(settings.catalog)
    table = read_training_data(settings, say)
    usable = rows_with_tiers(table, catalog)
    names, fold_of = _folds(usable, settings.seed, folds, leave_out)
    # Within the other folds, a part is set aside for choosing and calibrating.
    inner = assign_split(
        usable.group, settings.seed + 1, (1.0 - VALIDATION_SHARE, VALIDATION_SHARE, 0.0)
    )
    judged: list[Judged] = []
    versions = []
    for fold, name in enumerate(names):
        say(name)
        held_out = fold_of == fold
        # A question of the fold that also stands elsewhere is neither learnt from nor judged there.
        repeated = np.isin(usable.group, usable.group[held_out]) & ~held_out
        parts = np.where(held_out, PARTS[2], np.where(repeated, "", inner))
        with tempfile.TemporaryDirectory() as temporary:
            place = Path(temporary) / "artifact"
            fit_and_export(settings, catalog, table, place, say, parts)
            engine = build_engine(load_artifact(place), catalog)
            tiers = usable.for_models([tier.reference_model for tier in catalog.tiers])
            known = tiers.select(~held_out & ~repeated)
            judged.append(judge(engine, tiers.select(held_out), known, contenders))
            versions.append(engine.artifact.version)
    pooled = join(judged)
    return count(
        pooled,
        catalog,
        _provenance(settings, catalog, table.content_hash(), pooled, versions, command, leave_out),
        progress=say,
    )


def _folds(
    table: OutcomeTable, seed: int, folds: int, leave_out: str
) -> tuple[list[str], IntArray]:
    """Return what each fold is called, and the fold of each row."""
    if not leave_out:
        names = [f"fold {fold + 1} of {folds}" for fold in range(folds)]
        return names, fold_of_groups(table.group, seed, folds)
    if leave_out not in LEFT_OUT:
        raise TrainingError(
            f"{leave_out!r} cannot be left out, only one of {', '.join(LEFT_OUT)} can"
        )
    values, fold_of = np.unique(getattr(table, leave_out), return_inverse=True)
    if len(values) < 2:
        raise TrainingError(
            f"all prompts have the {leave_out} {values[0]!r}: without it nothing is left to learn "
            "from; give outcomes of another one too"
        )
    return [f"{leave_out} {value} left out" for value in values], fold_of.astype(np.int64)


def _provenance(
    settings: Settings,
    catalog: Catalog,
    data_sha256: str,
    pooled: Judged,
    versions: list[str],
    command: str,
    leave_out: str,
) -> Provenance:
    unseen = (
        f"prompts of a {leave_out} it never saw"
        if leave_out
        else ("prompts whose duplicate groups it never saw")
    )
    return Provenance(
        command=command,
        seed=settings.seed,
        draws=settings.draws,
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
                f"Cross-validation: each of the {len(versions)} artifacts judged only {unseen}; "
                "hulls and intervals are over the pooled prompts."
            ),
        ),
    )
