"""What peers say of each prompt, as numbers in a Parquet file: hashes and scores, never a text.

Making the numbers needs the peers' packages (``eval.peers.rules``, ``eval.peers.index``) and, for
some, the texts; using them (``eval.peers.contenders``) needs this file only.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eval.arrays import FloatArray, IntArray, StrArray
from router.errors import DataError

FORMAT = "1"
NO_FOLD = -1
_HASH, _FOLD = "prompt_id", "fold"


@dataclass(frozen=True, slots=True)
class PeerScores:
    """Scores of n prompts.

    Attributes:
        prompt_ids: (n,) hashes of the published texts, each once.
        fold: (n,) fold in which a peer that learns scored the prompt, ``NO_FOLD`` where none did.
        columns: (n,) float scores by name; NaN = not scored.
        made: How: command, seed, folds, packages with versions.
    """

    prompt_ids: StrArray
    fold: IntArray
    columns: dict[str, FloatArray]
    made: dict[str, str]

    def place(self, prompt_ids: StrArray) -> IntArray:
        """Find the rows of prompts: (k,) positions.

        Raises:
            DataError: a prompt is not there.
        """
        order = np.argsort(self.prompt_ids)
        at = np.minimum(np.searchsorted(self.prompt_ids[order], prompt_ids), len(order) - 1)
        found: IntArray = order[at]
        strangers = self.prompt_ids[found] != prompt_ids
        if strangers.any():
            raise DataError(
                f"the peers' scores lack {int(strangers.sum())} of {len(prompt_ids)} prompts: they "
                "were made of other outcomes; make them again with `make peers-scores`",
                problems=[str(one) for one in prompt_ids[strangers][:20]],
            )
        return found

    def matrix(self, names: tuple[str, ...], prompt_ids: StrArray) -> FloatArray:
        """Look up some columns for prompts: (k, names).

        Raises:
            DataError: no such column, a prompt not there or not scored.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise DataError(
                f"the peers' scores have no column {', '.join(missing)}, only "
                f"{', '.join(self.columns)}; make them again with `make peers-scores`"
            )
        place = self.place(prompt_ids)
        found = np.column_stack([self.columns[name][place] for name in names])
        if np.isnan(found).any():
            raise DataError(
                f"{int(np.isnan(found).any(axis=1).sum())} of {len(prompt_ids)} prompts have no "
                f"score in {', '.join(names)}; make them again with `make peers-scores`"
            )
        return found


def write_scores(scores: PeerScores, path: Path) -> None:
    """Write scores as float32; the same scores give the same bytes."""
    columns: dict[str, pa.Array] = {
        _HASH: pa.array(scores.prompt_ids.tolist(), pa.string()),
        _FOLD: pa.array(scores.fold, pa.int8()),
    }
    for name, values in scores.columns.items():
        columns[name] = pa.array(values.astype(np.float32), pa.float32(), from_pandas=True)
    metadata = {"peers.format": FORMAT, "peers.made": json.dumps(scores.made, sort_keys=True)}
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path, compression="zstd")


def read_scores(path: Path) -> PeerScores:
    """Read what ``write_scores`` wrote.

    Raises:
        DataError: not there, not such a file, another format, or a hash that stands twice.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(
            f"{path}: no peers' scores can be read here ({error}); make them with "
            "`make peers-scores`"
        ) from error
    metadata = {k.decode(): v.decode() for k, v in (table.schema.metadata or {}).items()}
    if metadata.get("peers.format") != FORMAT:
        raise DataError(
            f"{path}: format {metadata.get('peers.format')!r} of peers' scores, this release reads "
            f"{FORMAT!r}; make them again with `make peers-scores`"
        )
    prompt_ids = np.array(table[_HASH].to_pylist(), dtype=np.str_)
    if len(set(prompt_ids.tolist())) != len(prompt_ids):
        raise DataError(f"{path}: a prompt stands there twice; run `make peers-scores` again")
    return PeerScores(
        prompt_ids=prompt_ids,
        fold=table[_FOLD].to_numpy().astype(np.int64),
        columns={
            name: table[name].to_numpy().astype(np.float64)
            for name in table.column_names
            if name not in (_HASH, _FOLD)
        },
        made=json.loads(metadata["peers.made"]),
    )
