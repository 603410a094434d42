"""Out-of-fold predictions: what an artifact says of prompts whose duplicate groups it never saw.

Made by ``python -m training review``, read by ``python -m eval.review``.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eval.arrays import BoolArray, FloatArray, IntArray, StrArray
from router.errors import DataError

DEFAULT_PREDICTIONS = Path("build/review/predictions.parquet")
_ADEQUACY, _TOKENS, _TIERS, _SEED = "adequacy", "output_tokens", "review.tiers", "review.seed"


@dataclass(frozen=True, slots=True)
class Predictions:
    """Predictions for n prompts.

    Attributes:
        tiers: Names of the tiers, lowest first.
        prompt_ids: (n,) as in the outcome files.
        fold: (n,) fold each prompt was held out in.
        adequacy: (n, tiers) in [0, 1].
        output_tokens: (n, tiers) >= 0.
        seed: Of the folds.
    """

    tiers: tuple[str, ...]
    prompt_ids: StrArray
    fold: IntArray
    adequacy: FloatArray
    output_tokens: FloatArray
    seed: int

    def select(self, rows: IntArray | BoolArray) -> "Predictions":
        """Return some prompts."""
        return Predictions(
            self.tiers,
            self.prompt_ids[rows],
            self.fold[rows],
            self.adequacy[rows],
            self.output_tokens[rows],
            self.seed,
        )


def write_predictions(predictions: Predictions, path: Path) -> None:
    """Write predictions as Parquet."""
    columns = {
        "prompt_id": pa.array(predictions.prompt_ids.tolist()),
        "fold": pa.array(predictions.fold, pa.int64()),
    }
    for tier, name in enumerate(predictions.tiers):
        columns[f"{_ADEQUACY}:{name}"] = pa.array(predictions.adequacy[:, tier])
        columns[f"{_TOKENS}:{name}"] = pa.array(predictions.output_tokens[:, tier])
    table = pa.table(columns).replace_schema_metadata(
        {_TIERS: "\n".join(predictions.tiers), _SEED: str(predictions.seed)}
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, path)


def read_predictions(path: Path = DEFAULT_PREDICTIONS) -> Predictions:
    """Read what ``write_predictions`` wrote.

    Raises:
        DataError: missing or not such a file.
    """
    try:
        table = pq.read_table(path)
        metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
        tiers = tuple(metadata[_TIERS].split("\n"))
        return Predictions(
            tiers=tiers,
            prompt_ids=np.array(table["prompt_id"].to_pylist(), dtype=np.str_),
            fold=table["fold"].to_numpy(),
            adequacy=np.column_stack([table[f"{_ADEQUACY}:{name}"].to_numpy() for name in tiers]),
            output_tokens=np.column_stack(
                [table[f"{_TOKENS}:{name}"].to_numpy() for name in tiers]
            ),
            seed=int(metadata[_SEED]),
        )
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise DataError(
            f"{path}: no out-of-fold predictions ({error}); make them with 'make review'"
        ) from error
