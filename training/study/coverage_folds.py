"""The coverage set's prior part judged by artifacts that did not learn the judged families.

What is put into the prior, the window or the student is chosen on these figures and on the
validation outcomes, so that the test part stays unseen: ``python -m training.study coverage``.
"""

import json
import tempfile
from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.coverage import choose_tiers, coverage_table
from eval.coverage_file import CoveragePrompt, read_coverage
from eval.coverage_score import score_coverage
from eval.split import fold_of_groups
from router.catalog import load_catalog
from router.engine import build_engine
from router.errors import TrainingError
from router.predict.artifact import load_artifact
from training.build import fit_and_export
from training.data import read_training_data
from training.settings import Settings

FOLDS = 3


def coverage_folds(settings: Settings, say: Callable[[str], None] = lambda _: None) -> str:
    """Train ``FOLDS`` times, each time without one fold of the prior's families; print the score.

    Args:
        settings: As for a training run; its prior must be given. The split of outcomes is that of
            ``make train``, and its held-out part takes no part.
        say: Told what happens.

    Raises:
        RouterError: of the step that refused to go on.
    """
    if settings.prior is None:
        raise TrainingError("no coverage file given: this study judges its prior part")
    catalog = load_catalog(settings.catalog)
    table = read_training_data(settings, say)
    prompts = [one for one in read_coverage(settings.prior) if one.part == "prior"]
    families = np.array([one.family for one in prompts], dtype=np.str_)
    fold_of = fold_of_groups(families, settings.seed, FOLDS)
    judged: list[CoveragePrompt] = []
    chosen: list[str] = []
    losses: list[float] = []
    for fold in range(FOLDS):
        say(f"fold {fold + 1} of {FOLDS}")
        held_out = [one for one, at in zip(prompts, fold_of, strict=True) if at == fold]
        with tempfile.TemporaryDirectory() as temporary:
            prior = Path(temporary) / "prior.jsonl"
            write_without(settings.prior, {one.id for one in held_out}, prior)
            place = Path(temporary) / "artifact"
            _, loss, name = fit_and_export(
                replace(settings, prior=prior), catalog, table, place, say
            )
            engine = build_engine(load_artifact(place), catalog)
            chosen += choose_tiers(engine, held_out)
        judged += held_out
        losses.append(loss.get("student", loss[name]))
    score = coverage_table(score_coverage(judged, chosen, catalog.tier_names))
    return f"{score}\n\nvalidation log loss, mean of the folds: {np.mean(losses):.4f}"


def write_without(path: Path, ids: Collection[str], to: Path) -> None:
    """Write the prior part of a coverage file without some prompts."""
    lines = path.read_text(encoding="utf-8").split("\n")
    kept = [
        line
        for line in lines
        if line.strip() and (row := json.loads(line))["part"] == "prior" and row["id"] not in ids
    ]
    to.write_text("\n".join(kept) + "\n", encoding="utf-8")
