"""What heads say of prompts whose duplicate groups they have not seen, for every prompt once.

Each fold is held out from an artifact trained like ``make train``, from the tiers' own reference
models and nobody else's outcomes: so every other model of the table is new to these heads. Used
where new models or bounds are tried out; ``training.crossval`` judges whole artifacts.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray, IntArray, StrArray
from eval.outcomes import OutcomeTable
from eval.split import PARTS, assign_split, fold_of_groups
from router.catalog import Catalog
from router.predict.artifact import load_artifact
from training.build import fit_and_export
from training.settings import Settings

_FRACTIONS = (0.75, 0.25, 0.0)


@dataclass(frozen=True, slots=True)
class Unseen:
    """Heads' output on n prompts.

    Attributes:
        fold: (n,) the fold that held the prompt out.
        adequacy: float64 (n, T) in [0, 1].
        output_tokens: float64 (n, T), expected tokens.
    """

    fold: IntArray
    adequacy: FloatArray
    output_tokens: FloatArray


def unseen_heads(
    settings: Settings,
    catalog: Catalog,
    usable: OutcomeTable,
    folds: int,
    say: Callable[[str], None] = lambda _: None,
) -> Unseen:
    """Train ``folds`` artifacts and ask each about the prompts it has not seen.

    Args:
        settings: Seed, encoder, prior and candidate; the data are given.
        catalog: Tiers and threshold of adequacy.
        usable: n rows with an outcome of every tier (``training.labels.rows_with_tiers``).
        folds: At least 2.
        say: Told what happens.
    """
    tiers = usable.for_models([tier.reference_model for tier in catalog.tiers])
    fold = fold_of_groups(tiers.group, settings.seed, folds)
    inner = inner_parts(tiers.group, settings.seed)
    adequacy = np.zeros((len(tiers), len(catalog.tiers)))
    output_tokens = np.zeros_like(adequacy)
    for number in range(folds):
        say(f"fold {number + 1} of {folds}")
        held_out = fold == number
        parts = np.where(held_out, PARTS[2], inner)
        with tempfile.TemporaryDirectory() as temporary:
            place = Path(temporary) / "artifact"
            fit_and_export(settings, catalog, tiers, place, lambda _: None, parts)
            heads = load_artifact(place).heads
            adequacy[held_out], output_tokens[held_out] = heads.run(
                tiers.vectors[held_out], tiers.features[held_out]
            )
    return Unseen(fold, adequacy, output_tokens)


def inner_parts(groups: StrArray, seed: int) -> StrArray:
    """Return the part, train or validation, each group has where it is not held out."""
    return assign_split(groups, seed + 1, _FRACTIONS)
