"""The other end of the curve: a new model trained for like any tier, on thousands of labels."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.outcomes import OutcomeTable
from eval.split import PARTS
from router.catalog import Catalog
from router.types import Tier
from training.candidates import fit_and_choose
from training.labels import examples_of
from training.lengths import fit_lengths
from training.settings import Settings
from training.unseen import inner_parts


def retrained(
    settings: Settings,
    catalog: Catalog,
    usable: OutcomeTable,
    model: str,
    fold: IntArray,
    say: Callable[[str], None] = lambda _: None,
) -> tuple[FloatArray, FloatArray]:
    """Fit adequacy and length of one model on all folds but one, and predict that one.

    Args:
        settings: Seed and candidate.
        catalog: Gives the threshold of adequacy.
        usable: n rows.
        model: A column of the table.
        fold: (n,) fold of each row.
        say: Told what happens.

    Returns:
        P(adequate) and expected output tokens, (n,) each, NaN where the model was not asked.
    """
    asked = np.flatnonzero(~np.isnan(usable.quality[:, usable.models.index(model)]))
    table = usable.select(asked).for_models([model])
    alone = replace(catalog, tiers=(Tier(model, 0, model),))
    inner = inner_parts(table.group, settings.seed)
    dimension = table.vectors.shape[1]
    adequacy, tokens = np.full((2, len(usable)), np.nan)
    for number in np.unique(fold):
        say(f"training for {model}, fold {number + 1}")
        held_out = fold[asked] == number
        parts = np.where(held_out, PARTS[2], inner)
        examples = examples_of(table, alone, parts == PARTS[0])
        train, validation = (examples.select(parts == part) for part in PARTS[:2])
        fitted = fit_and_choose(
            train, validation, dimension=dimension, seed=settings.seed, only=settings.candidate
        ).chosen
        lengths = fit_lengths(train, validation, (model,), dimension, settings.seed)
        rows = asked[held_out]
        adequacy[rows] = fitted.adequacy(examples.inputs[held_out])[:, 0]
        tokens[rows] = lengths.tokens(examples.inputs[held_out])[:, 0]
    return adequacy, tokens
