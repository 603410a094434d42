"""What the shared network learns from: every outcome of every source, and the prior.

Rows come first as they were answered (``outcome_rows``), then as the fitted network itself answers
them (``settled_rows``), so that it says of a prompt written otherwise what it says of the prompt as
it is. The fitting is ``training.shared``.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import StrArray
from eval.outcomes import OutcomeTable
from router.catalog import Catalog
from training.labels import Examples, Float32Matrix, FloatMatrix
from training.otherwise import Pairs
from training.shared import Rows

OTHER_MODELS = 0.2
"""What an outcome of another model than the tiers' counts, against 1."""

PRIOR = 0.3
"""What a training example of the prior counts."""

LENGTHS = 0.1
"""What half the squared error of a length in standard deviations counts, against log loss."""

_COPIES = 2
"""How often labelled inputs, the prior and pairs stand among the rows that settle the network."""


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


def settling_inputs(
    outcomes: Outcomes, train: Examples, pairs: Pairs | None
) -> tuple[Float32Matrix, Float32Matrix]:
    """Return inputs as they are and as they are shown, both float32 (n, d).

    Args:
        outcomes: Of every source.
        train: Training part with the prior; of copies one is taken.
        pairs: Prompts as they are and written otherwise.
    """
    own = np.unique(train.inputs, axis=0)
    real = [outcomes.inputs, *[own] * _COPIES]
    if pairs is None:
        same = np.concatenate(real)
        return same, same
    before, after = [pairs.before] * _COPIES, [pairs.after] * _COPIES
    return np.concatenate([*real, *before]), np.concatenate([*real, *after])


def settled_rows(shown: Float32Matrix, adequacy: FloatMatrix, lengths: FloatMatrix) -> Rows:
    """Return rows whose targets are probabilities and standardised log lengths.

    Args:
        shown: float32 (n, d).
        adequacy: (n, T) in [0, 1], what is to be said.
        lengths: (n, T) of about unit spread.
    """
    counts = np.ones((len(shown), 2 * adequacy.shape[1]), dtype=np.float32)
    counts[:, adequacy.shape[1] :] = LENGTHS
    targets = np.hstack([adequacy, lengths]).astype(np.float32)
    return Rows(shown, targets, counts, adequacy.shape[1])
