"""Outcome tables to training examples: inputs, labels per tier, and peers that share a difficulty.

Here the tiers' reference models are looked up in a table and their qualities become labels. Which
rows are used for what is ``eval.split``; fitting is ``training.candidates``.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from eval.outcomes import OutcomeTable
from router.catalog import Catalog
from router.errors import TrainingError

Float32Matrix = npt.NDArray[np.float32]
FloatMatrix = npt.NDArray[np.float64]

FEWEST_EXAMPLES = 100
_PEERS = 6
_LEAST_OVERLAP = 0.5


@dataclass(frozen=True, slots=True)
class Examples:
    """Rows to learn from; n prompts, T tiers.

    Attributes:
        inputs: float32 (n, dimension + n_features), vector then text features.
        adequate: float64 (n, T), 1.0 where the tier's reference model was adequate, else 0.0.
        peer_quality: float64 (n, T) in [0, 1], mean quality of models about as good as the tier's.
        output_tokens: float64 (n, T), NaN where unknown.
        groups: (n,) duplicate groups.
    """

    inputs: Float32Matrix
    adequate: FloatMatrix
    peer_quality: FloatMatrix
    output_tokens: FloatMatrix
    groups: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.inputs)

    def select(self, rows: npt.NDArray[np.bool_] | npt.NDArray[np.intp]) -> "Examples":
        """Return some rows."""
        return Examples(
            self.inputs[rows],
            self.adequate[rows],
            self.peer_quality[rows],
            self.output_tokens[rows],
            self.groups[rows],
        )


def rows_with_tiers(table: OutcomeTable, catalog: Catalog) -> OutcomeTable:
    """Return the rows on which every tier's reference model has an outcome, with all models kept.

    Raises:
        TrainingError: a reference model has no column, or fewer than ``FEWEST_EXAMPLES`` rows
            have an outcome of all of them.
    """
    references = [tier.reference_model for tier in catalog.tiers]
    missing = [model for model in references if model not in table.models]
    if missing:
        raise TrainingError(
            f"the data hold no outcomes of {missing}, which the catalog {catalog.name!r} names as "
            f"reference models; the data hold {sorted(table.models)}: name some of these in the "
            "catalog, or add the outcomes",
            reason="REFERENCE_MODEL_MISSING",
        )
    columns = [table.models.index(model) for model in references]
    complete = np.asarray(~np.isnan(table.quality[:, columns]).any(axis=1))
    if complete.sum() < FEWEST_EXAMPLES:
        raise TrainingError(
            f"only {int(complete.sum())} prompts have an outcome of every reference model "
            f"{references}; at least {FEWEST_EXAMPLES} are needed: add outcomes",
            reason="TOO_FEW_EXAMPLES",
        )
    return table.select(complete)


def examples_of(
    table: OutcomeTable, catalog: Catalog, learn_from: npt.NDArray[np.bool_]
) -> Examples:
    """Return the examples of a table whose rows all have an outcome of every reference model.

    Args:
        table: See ``rows_with_tiers``.
        catalog: Tiers and threshold of adequacy.
        learn_from: (n,) rows that peers are chosen on: the training part, so that held-out
            outcomes have no say in what is fitted.
    """
    columns = [table.models.index(tier.reference_model) for tier in catalog.tiers]
    quality = table.quality.astype(np.float64)
    return Examples(
        inputs=np.hstack([table.vectors, table.features]).astype(np.float32),
        adequate=(quality[:, columns] >= catalog.adequate_quality).astype(np.float64),
        peer_quality=np.stack(
            [
                np.nanmean(quality[:, peers_of(quality[learn_from], column)], axis=1)
                for column in columns
            ],
            axis=1,
        ),
        output_tokens=table.output_tokens[:, columns].astype(np.float64),
        groups=table.group,
    )


def peers_of(quality: FloatMatrix, column: int) -> list[int]:
    """Return the columns of up to ``_PEERS`` models nearest in mean quality, the model first.

    One outcome is one coin flip; models about as good fail on much the same prompts, so their
    mean says more of a prompt's difficulty. Nearness is measured on the rows both models have,
    and a model counts only where it has at least half of the rows.
    """
    own = quality[:, column]
    distance = {}
    for other in range(quality.shape[1]):
        both = ~np.isnan(quality[:, other]) & ~np.isnan(own)
        if other != column and both.sum() >= _LEAST_OVERLAP * len(own):
            distance[other] = abs(float(quality[both, other].mean() - own[both].mean()))
    nearest = sorted(distance, key=lambda other: (distance[other], other))
    return [column, *nearest[: _PEERS - 1]]
