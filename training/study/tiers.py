"""Members and mixtures on the default tiers, each judged on prompts it never saw.

The folds, the prior, the lengths and the prices are those of ``make crossval``; only the fitting of
members is repeated here, so that many mixtures share it. A mixture is given by members, one named
twice counts twice. Choosing is done on the validation parts within the other folds (``validation``
in the table); all other figures are of held-out prompts, differences paired by duplicate group.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray, IntArray, StrArray
from eval.baselines import WILLINGNESS_TO_PAY_USD, trade_off_choices
from eval.bootstrap import resample_weights
from eval.cells import signed, with_interval
from eval.figures import Figures, Resamples, figures, interval, resamples
from eval.outcomes import OutcomeTable
from eval.recorded import Recorded, recorded_outcomes, sweep_of_tiers
from eval.results import LEVELS
from eval.split import PARTS, assign_split, fold_of_groups
from eval.tables import aligned
from router.catalog import Catalog
from router.predict.encoder import TextEncoder
from training.candidates import (
    CANDIDATES,
    fit_calibration,
    fit_member,
    log_loss,
    row_losses,
)
from training.crossval import VALIDATION_SHARE
from training.labels import Examples, FloatMatrix, examples_of, rows_with_tiers
from training.lengths import fit_lengths
from training.prior import join_examples, prior_examples
from training.settings import Settings
from training.shared_rows import outcomes_outside
from training.study.others import OTHERS, Predictor, Training

FOLDS = 5
DRAWS = 400
CHAMPION = "stack mixture"


@dataclass(frozen=True, slots=True)
class Fold:
    """One fold: its training rows with the prior, two parts, and the held-out rows' places."""

    train: Training
    validation: Examples
    held_out: Examples
    rows: IntArray


@dataclass(frozen=True, slots=True)
class Ground:
    """What every mixture is judged on.

    Attributes:
        folds: Examples by fold.
        recorded: What happened on all n prompts.
        predicted_cost_usd: (n, T) by lengths predicted out of fold.
        adequate: (n, T).
        draws: Bootstrap resamples by duplicate group.
        weights: (1 + draws, n) of them.
        dimension: Width of the vector part of the inputs.
        seed: Of folds, members and resamples.
    """

    folds: tuple[Fold, ...]
    recorded: Recorded
    predicted_cost_usd: FloatArray
    adequate: FloatMatrix
    draws: Resamples
    weights: FloatArray
    dimension: int
    seed: int


def ground(table: OutcomeTable, catalog: Catalog, settings: Settings) -> Ground:
    """Cut the folds, fit output lengths on each, and draw the resamples.

    Raises:
        TrainingError: the data lack outcomes of the tiers.
    """
    usable = rows_with_tiers(table, catalog)
    dimension = table.vectors.shape[1]
    fold_of = fold_of_groups(usable.group, settings.seed, FOLDS)
    fractions = (1.0 - VALIDATION_SHARE, VALIDATION_SHARE, 0.0)
    inner = assign_split(usable.group, settings.seed + 1, fractions)
    prior = None
    if settings.prior is not None:
        encoder = TextEncoder(settings.encoder)
        prior = prior_examples(settings.prior, encoder, catalog.tier_names)
    folds = tuple(
        _fold(table, usable, catalog, np.where(fold_of == k, PARTS[2], inner), prior, settings.seed)
        for k in range(FOLDS)
    )
    tiers = usable.for_models([tier.reference_model for tier in catalog.tiers])
    recorded = recorded_outcomes(tiers, catalog)
    tokens = np.empty(recorded.quality.shape)
    for fold in folds:
        lengths = fit_lengths(
            fold.train.examples, fold.validation, catalog.tier_names, dimension, settings.seed
        )
        tokens[fold.rows] = lengths.tokens(fold.held_out.inputs)
    draws = resamples(recorded, resample_weights(usable.group, DRAWS, settings.seed))
    return Ground(
        folds=folds,
        recorded=recorded,
        predicted_cost_usd=recorded.prices.tier_cost_usd(tiers.input_tokens, tokens),
        adequate=(recorded.quality >= catalog.adequate_quality).astype(np.float64),
        draws=draws,
        weights=draws.weights,
        dimension=dimension,
        seed=settings.seed,
    )


def _fold(
    table: OutcomeTable,
    usable: OutcomeTable,
    catalog: Catalog,
    parts: StrArray,
    prior: Examples | None,
    seed: int,
) -> Fold:
    examples = examples_of(usable, catalog, parts == PARTS[0])
    train, validation, held_out = (examples.select(parts == part) for part in PARTS)
    outcomes = usable.quality[parts == PARTS[0]].astype(np.float64)
    if prior is not None:
        train = join_examples(train, prior)
        nothing = np.full((len(prior), outcomes.shape[1]), np.nan)
        outcomes = np.concatenate([outcomes, nothing])
    tiers = tuple(usable.models.index(tier.reference_model) for tier in catalog.tiers)
    everywhere = outcomes_outside(table, catalog, usable.group[parts != PARTS[0]])
    known = Training(train, outcomes, tiers, everywhere, usable.vectors.shape[1], seed)
    return Fold(known, validation, held_out, np.flatnonzero(parts == PARTS[2]))


def mixtures_table(
    here: Ground, mixtures: dict[str, tuple[str, ...]], say: Callable[[str], None]
) -> str:
    """Fit every member the mixtures name and return the table, the champion first."""
    wanted = {CHAMPION: CANDIDATES[CHAMPION], **mixtures}
    names = dict.fromkeys(name for members in wanted.values() for name in members)
    fitted = {name: _fit_everywhere(here, name, say) for name in names}
    rows = [
        ["members", "validation", "log loss", *(f"{level:.0%}" for level in LEVELS), "AIQ",
         "log loss - champion", "AIQ - champion", "99% - champion"]
    ]  # fmt: skip
    first: tuple[FloatMatrix, Figures] | None = None
    for name, members in wanted.items():
        validation, adequacy = _judged(here, [fitted[member] for member in members])
        found = _figures(here, adequacy)
        first = first or (adequacy, found)
        rows.append([name, f"{validation:.4f}", *_cells(here, adequacy, found, first)])
    return aligned(rows)


def _fit_everywhere(
    here: Ground, name: str, say: Callable[[str], None]
) -> list[tuple[FloatMatrix, FloatMatrix]]:
    """Return a member's probabilities on the validation and the held-out part of each fold."""
    say(f"fitting {name}")
    result = []
    for fold in here.folds:
        member: Predictor = (
            OTHERS[name](fold.train)
            if name in OTHERS
            else fit_member(name, fold.train.examples, here.dimension, here.seed)
        )
        on_validation = member.probabilities(fold.validation.inputs)
        result.append((on_validation, member.probabilities(fold.held_out.inputs)))
    return result


def _judged(
    here: Ground, members: list[list[tuple[FloatMatrix, FloatMatrix]]]
) -> tuple[float, FloatMatrix]:
    """Average and calibrate as candidates do; return validation log loss and adequacy (n, T)."""
    adequacy = np.empty(here.adequate.shape)
    losses = []
    for number, fold in enumerate(here.folds):
        known, unknown = (
            np.mean([member[number][part] for member in members], axis=0) for part in (0, 1)
        )
        calibration = fit_calibration(known, fold.validation.adequate)
        losses.append(log_loss(calibration.apply(known), fold.validation.adequate))
        adequacy[fold.rows] = calibration.apply(unknown)
    return float(np.mean(losses)), adequacy


def _figures(here: Ground, adequacy: FloatMatrix) -> Figures:
    choices = trade_off_choices(adequacy, here.predicted_cost_usd)
    labels = [f"{pay:g}" for pay in WILLINGNESS_TO_PAY_USD]
    sweep = sweep_of_tiers(here.recorded, choices, labels, name="", title="", kind="artifact")
    return figures(sweep, here.draws)


def _cells(
    here: Ground, adequacy: FloatMatrix, found: Figures, first: tuple[FloatMatrix, Figures]
) -> list[str]:
    gap = row_losses(adequacy, here.adequate) - row_losses(first[0], here.adequate)
    cells = [
        f"{log_loss(adequacy, here.adequate):.4f}",
        *(with_interval(interval(found.cost_shares[:, i])) for i in range(len(LEVELS))),
        with_interval(interval(found.aiq)),
    ]
    if found is first[1]:
        return [*cells, "", "", ""]
    return [
        *cells,
        signed(interval(here.weights @ gap)),
        signed(interval(found.aiq - first[1].aiq)),
        signed(interval(found.cost_shares[:, 0] - first[1].cost_shares[:, 0])),
    ]
