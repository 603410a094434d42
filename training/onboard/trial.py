"""One trial of the onboarding curve: labels are drawn, every method predicts, nothing is measured.

Every prompt is predicted once per draw, by heads that have not seen its duplicate group and from
labels of other groups of the same fold. Measuring is ``training.onboard.measures``.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray, StrArray
from training.onboard.ability import FEWEST_LABELS, fit_ability
from training.onboard.lengths import fit_length
from training.onboard.rivals import Method, Prompts
from training.onboard.suggest import Pick

SIZES = (50, 100, 200, 500)


@dataclass(frozen=True, slots=True)
class Ground:
    """Prompts of a trial, with everything but the new model's outcomes.

    Attributes:
        prompts: n prompts as methods see them.
        known_tokens: (n, T) output tokens the known heads expect.
        fold: (n,) fold; labels and predictions of a trial stay within one.
        half: (n,) which half of its fold; one gives labels while the other is predicted.
        group: (n,) duplicate groups.
    """

    prompts: Prompts
    known_tokens: FloatArray
    fold: IntArray
    half: BoolArray
    group: StrArray


@dataclass(frozen=True, slots=True)
class NewModel:
    """Outcomes of the model that is onboarded: (n,) 0/1 and tokens, NaN where not asked."""

    adequate: FloatArray
    output_tokens: FloatArray


@dataclass(frozen=True, slots=True)
class Predicted:
    """Predictions of R draws, NaN where there is none: adequacy by method, and tokens, (R, n)."""

    adequacy: Mapping[str, FloatArray]
    output_tokens: FloatArray


def predict_from_labels(
    ground: Ground,
    model: NewModel,
    methods: Mapping[str, Method],
    size: int,
    draws: int,
    seed: int,
) -> Predicted:
    """Draw ``size`` labels at random, ``draws`` times, and let every method predict the rest."""
    n = len(ground.fold)
    adequacy = {name: np.full((draws, n), np.nan) for name in methods}
    tokens = np.full((draws, n), np.nan)
    asked = ~np.isnan(model.adequate)
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        for pool, others in _sides(ground, asked):
            rows = rng.permutation(pool)[:size]
            labels, rest = ground.prompts[rows], ground.prompts[others]
            for name, method in methods.items():
                adequacy[name][draw, others] = method(labels, model.adequate[rows], rest)
            length = fit_length(ground.known_tokens[rows], model.output_tokens[rows])
            tokens[draw, others] = length.tokens(ground.known_tokens[others])
    return Predicted(adequacy, tokens)


def predict_from_picks(
    ground: Ground, model: NewModel, pick: Pick, size: int, draws: int, seed: int
) -> FloatArray:
    """As above for the shipped profile: a first ``FEWEST_LABELS`` at random, the rest picked."""
    found = np.full((draws, len(ground.fold)), np.nan)
    asked = ~np.isnan(model.adequate)
    for draw in range(draws):
        rng = np.random.default_rng([seed, draw])
        for pool, others in _sides(ground, asked):
            rows = rng.permutation(pool)
            first, left = rows[:FEWEST_LABELS], rows[FEWEST_LABELS:]
            if size > FEWEST_LABELS:
                so_far = fit_ability(ground.prompts.known[first], model.adequate[first])
                picked = pick(
                    so_far, ground.prompts[first], ground.prompts[left], size - FEWEST_LABELS
                )
                first = np.concatenate([first, left[picked]])
            ability = fit_ability(ground.prompts.known[first], model.adequate[first])
            found[draw, others] = ability.adequacy(ground.prompts.known[others])
    return found


def _sides(ground: Ground, asked: BoolArray) -> list[tuple[IntArray, IntArray]]:
    """Return (rows that may be labelled, rows to predict) of each fold and half."""
    return [
        (
            np.flatnonzero(asked & (ground.fold == fold) & (ground.half == half)),
            np.flatnonzero(asked & (ground.fold == fold) & (ground.half != half)),
        )
        for fold in np.unique(ground.fold)
        for half in (False, True)
    ]
