"""What the shared network learns from: every outcome of every source, and the prior.

Rows come first as they were answered (``outcome_rows``), then as the fitted network and a teacher
answer them (``settled_rows``), so that a prompt written otherwise gets the answer of the prompt as
it is. The fitting is ``training.shared``.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import IntArray, StrArray
from eval.outcomes import OutcomeTable
from router.catalog import Catalog
from training.descent import Rows
from training.labels import Examples, Float32Matrix, FloatMatrix
from training.otherwise import Pairs
from training.student import mixed

OTHER_MODELS = 0.2
"""What an outcome of another model than the tiers' counts, against 1."""

PRIOR = 0.6
"""What a training example of the prior counts."""

LENGTHS = 0.1
"""What half the squared error of a length in standard deviations counts, against log loss."""

_MOST_MIXED = 20_000


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Outcomes of any source; the tiers' reference models come first.

    Attributes:
        inputs: float32 (n, d).
        labels: float32 (n, m) in [0, 1], NaN where unknown: whether a reference model was adequate,
            and the quality of every other model.
        tiers: Number of tiers, T <= m.
    """

    inputs: Float32Matrix
    labels: Float32Matrix
    tiers: int


def outcomes_outside(table: OutcomeTable, catalog: Catalog, held_out: StrArray) -> Outcomes:
    """Return the outcomes of all rows outside some duplicate groups.

    Args:
        table: Of all sources.
        catalog: Tiers and threshold of adequacy.
        held_out: Names of the groups.
    """
    outside = table.select(~np.isin(table.group, held_out))
    tiers = [table.models.index(tier.reference_model) for tier in catalog.tiers]
    rest = [column for column in range(len(table.models)) if column not in tiers]
    quality = outside.quality.astype(np.float32)
    adequate = np.where(
        np.isnan(quality[:, tiers]), np.nan, quality[:, tiers] >= catalog.adequate_quality
    )
    return Outcomes(
        np.hstack([outside.vectors, outside.features]).astype(np.float32),
        np.hstack([adequate, quality[:, rest]]).astype(np.float32),
        len(tiers),
    )


def outcome_rows(outcomes: Outcomes, prior: Examples | None) -> Rows:
    """Return a row for each prompt, one target for each model."""
    inputs, labels = outcomes.inputs, outcomes.labels
    counts = np.full(labels.shape, OTHER_MODELS, dtype=np.float32)
    counts[:, : outcomes.tiers] = 1.0
    if prior is not None:
        unknown = np.full((len(prior), labels.shape[1]), np.nan, dtype=np.float32)
        unknown[:, : outcomes.tiers] = prior.adequate
        inputs = np.concatenate([inputs, prior.inputs])
        labels = np.concatenate([labels, unknown])
        counts = np.concatenate([counts, np.full(unknown.shape, PRIOR, dtype=np.float32)])
    known = ~np.isnan(labels)
    return Rows(inputs, np.nan_to_num(labels), counts * known, labels.shape[1])


@dataclass(frozen=True, slots=True)
class Settling:
    """Prompts the network settles on, each once; n of them.

    Attributes:
        before: float32 (n, d), inputs that are asked about.
        shown: float32 (n, d), inputs that the answer is taught for: the same, or the prompt's
            written otherwise.
        copies: (n,) how often each stands among the rows.
    """

    before: Float32Matrix
    shown: Float32Matrix
    copies: IntArray


def settling(
    outcomes: Outcomes,
    train: Examples,
    pairs: Pairs | None,
    *,
    dimension: int,
    generator: np.random.Generator,
) -> Settling:
    """Return prompts of every source, the training part twice, mixed ones, and pairs.

    Args:
        outcomes: Of every source.
        train: Training part with the prior; of copies one is taken.
        pairs: Prompts as they are and written otherwise.
        dimension: Width of the vector part of the inputs.
        generator: Of what is mixed.
    """
    own = np.unique(train.inputs, axis=0)
    strange = mixed(outcomes.inputs, dimension, generator, _MOST_MIXED)
    before, shown = [outcomes.inputs, strange, own], [outcomes.inputs, strange, own]
    if pairs is not None:
        before.append(pairs.before)
        shown.append(pairs.after)
    copies = [np.full(len(one), 2 if one is own else 1) for one in before]
    return Settling(np.concatenate(before), np.concatenate(shown), np.concatenate(copies))


def settled_rows(prompts: Settling, adequacy: FloatMatrix, lengths: FloatMatrix) -> Rows:
    """Return rows whose targets are probabilities and standardised log lengths.

    Args:
        prompts: n of them.
        adequacy: (n, T) in [0, 1], what is to be said.
        lengths: (n, T) of about unit spread.
    """
    targets = np.hstack([adequacy, lengths]).astype(np.float32)
    counts = np.ones_like(targets)
    counts[:, adequacy.shape[1] :] = LENGTHS
    repeated = np.repeat(np.arange(len(targets)), prompts.copies)
    return Rows(prompts.shown[repeated], targets[repeated], counts[repeated], adequacy.shape[1])
