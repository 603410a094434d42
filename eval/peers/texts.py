"""Texts of the collected outcomes by their hash, read where the peers need them and never kept.

One folder per source holds ``outcomes.parquet`` with columns prompt and task, a row per prompt and
model; data/README.md says where the texts come from.
"""

import hashlib
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from eval.arrays import StrArray
from router.errors import DataError

# Conversations: the peers' scorers take one text.
_LEFT_OUT_TASKS = ("mt_bench",)


def read_texts(directory: Path, wanted: StrArray) -> dict[str, str]:
    """Read the texts of prompts: hash -> text, for those that are single texts.

    Args:
        directory: Holds ``<source>/outcomes.parquet``.
        wanted: (n,) hashes, as in the bundled outcomes.

    Raises:
        DataError: nothing to read there, or none of the hashes is among it.
    """
    files = sorted(directory.glob("*/outcomes.parquet"))
    if not files:
        raise DataError(
            f"{directory}: no <source>/outcomes.parquet here; name the folder of collected texts"
        )
    names = set(wanted.tolist())
    found: dict[str, str] = {}
    for path in files:
        try:
            table = pq.read_table(path, columns=["prompt", "task"])
        except (OSError, pa.ArrowException) as error:
            raise DataError(f"{path}: cannot be read ({error})") from error
        kept = table.filter(pc.invert(pc.is_in(table["task"], pa.array(_LEFT_OUT_TASKS))))
        for text in pc.unique(kept["prompt"]).to_pylist():
            name = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
            if name in names:
                found[name] = text
    if not found:
        raise DataError(
            f"{directory}: none of the {len(names)} prompts is among these texts; they belong to "
            "other outcomes"
        )
    return found
