"""Prompts without outcomes, and the suggestion which of them to label next.

A suggestion is printed as the lines a user fills in: the prompt as it was given, with ``model`` and
``quality`` to add. Nothing is written anywhere.
"""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from router.errors import DataError
from router.predict.artifact import Artifact
from training.onboard.ability import fit_ability
from training.onboard.line import Labels
from training.onboard.suggest import by_variance
from training.settings import Settings
from training.sources.check import check_records
from training.sources.files import read_csv, read_jsonl, read_parquet
from training.sources.rows import RawRecord, RawTable, Row, bad_rows_error
from training.sources.table import encode_conversations, text_id

_READERS = {".jsonl": read_jsonl, ".ndjson": read_jsonl, ".csv": read_csv, ".parquet": read_parquet}
_OUTCOME = ("model", "quality", "output_tokens")


@dataclass(frozen=True, slots=True)
class Unlabelled:
    """Distinct prompts of a file, in its order."""

    rows: tuple[Row, ...]


def read_unlabelled(settings: Settings, say: Callable[[str], None]) -> Unlabelled:
    """Read prompts of a JSONL, CSV or Parquet file; columns of outcomes are not looked at.

    Raises:
        DataError: no such file, another format, no column of prompts, or bad rows.
    """
    path = Path(settings.data)
    reader = _READERS.get(path.suffix.lower())
    if reader is None or not path.is_file():
        raise DataError(
            f"{path}: not a file of prompts; allowed are {', '.join(_READERS)}, with a column "
            "prompt or messages"
        )
    raw = reader(path)
    theirs = {theirs: ours for ours, theirs in settings.column_map}
    records = [RawRecord(one.where, _prompt_only(one, theirs), one.problem) for one in raw.records]
    table, problems = check_records(RawTable(records, raw.numbers_as_text), str(path))
    if problems and not settings.skip_bad_rows:
        raise bad_rows_error(str(path), problems)
    for problem in problems:
        say(f"left out: {problem}")
    if not table.rows:
        raise DataError(f"{path}: holds no prompt", problems=problems)
    return Unlabelled(table.rows)


def suggested(
    artifact: Artifact, labels: Labels | None, prompts: Unlabelled, count: int
) -> list[str]:
    """Return the prompts most worth labelling, the most useful first, as lines of JSON.

    Args:
        artifact: Its heads say how hard the prompts are.
        labels: Labels so far, None before the first.
        prompts: They stand for the traffic; those that are labelled already are left out.
        count: How many lines at most.
    """
    done = set() if labels is None else set(labels.prompt_ids.tolist())
    rows = [row for row in prompts.rows if (row.prompt_id or text_id(row.text)) not in done]
    if not rows:
        raise DataError("every prompt given has a label already: give more prompts")
    vectors, features = encode_conversations([row.messages for row in rows], artifact.encoder)
    adequacy, _ = artifact.heads.run(vectors, features)
    known = adequacy.astype(np.float64)
    so_far = (known[:0], np.zeros(0)) if labels is None else (labels.known, labels.adequate)
    picked = by_variance(fit_ability(*so_far), known, count)
    return [_line(rows[at]) for at in picked.tolist()]


def _prompt_only(record: RawRecord, theirs: dict[str, str]) -> dict[str, object]:
    values = {theirs.get(name, name): value for name, value in record.values.items()}
    kept = {
        name: value
        for name, value in values.items()
        if name not in _OUTCOME and not name.startswith(("quality:", "output_tokens:"))
    }
    # The rules of rows are those of labels, so that a suggestion can become one.
    return {**kept, "model": "-", "quality": 0.0}


def _line(row: Row) -> str:
    content: dict[str, object] = {"where": row.where}
    if row.prompt_id:
        content["prompt_id"] = row.prompt_id
    if len(row.messages) == 1 and row.messages[0].role == "user":
        content["prompt"] = row.messages[0].content
    else:
        content["messages"] = [message._asdict() for message in row.messages]
    return json.dumps(content, ensure_ascii=False)
