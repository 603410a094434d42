"""RouterBench (withmartian/routerbench): one row per prompt, three columns per model.

Read in loaders of others and in a CSV copy of its first rows: ``sample_id``, ``prompt``,
``eval_name``, ``<model>`` (score in [0, 1]), ``<model>|model_response``, ``<model>|total_cost``
(USD) and ``oracle_model_to_route_to``. ``prompt`` and the responses are lists of texts, or such a
list written out as Python does. Published as pickles, which are not opened here (see the error).
Assumed: the parts of a prompt are joined by a line break; the task is ``eval_name`` up to its
first "-" or ".", the subtask all of it.
"""

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

from router.cost.tokens import estimate_tokens
from training.sources.adapters.tables import each_table, missing_columns
from training.sources.rows import RawRecord, RawTable

_COST, _RESPONSE = "|total_cost", "|model_response"
_NOTE = (
    "output tokens are estimated from the recorded responses; total_cost is not used, since "
    "the catalog prices tokens"
)


def read_routerbench(path: Path) -> RawTable:
    """Read RouterBench converted to Parquet, CSV or JSONL.

    Raises:
        DataError: no table there, a pickle, or other columns.
    """
    records: list[RawRecord] = []
    textual = False
    for file, table in each_table(path):
        textual = textual or table.numbers_as_text
        columns = list(next((r.values for r in table.records if not r.problem), {}))
        models = [
            name for name in columns if name + _COST in columns or name + _RESPONSE in columns
        ]
        if columns and (not {"sample_id", "prompt", "eval_name"} <= set(columns) or not models):
            raise missing_columns(
                file,
                "sample_id, prompt, eval_name, <model>, <model>|total_cost",
                ", ".join(columns),
            )
        for record in table.records:
            if record.problem:
                records.append(record)
            records.extend(_outcomes(record, models))
    return RawTable(records, numbers_as_text=textual, notes=(_NOTE,))


def _outcomes(record: RawRecord, models: list[str]) -> Iterator[RawRecord]:
    values: Mapping[str, object] = record.values
    for model in models if values else []:
        name = str(values.get("eval_name") or "")
        response = _text(values.get(model + _RESPONSE))
        long = {
            "prompt": _text(values.get("prompt")),
            "prompt_id": values.get("sample_id"),
            "task": re.split(r"[-.]", name, maxsplit=1)[0],
            "subtask": name,
            "model": model,
            "quality": values.get(model),
            "output_tokens": estimate_tokens(response) if isinstance(response, str) else None,
        }
        yield RawRecord(f"{record.where}, {model}", long)


def _text(value: object) -> object:
    """Return the text of a list of texts, also of one written out; anything else unchanged."""
    if isinstance(value, str) and value.startswith("["):
        try:
            value = ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    if isinstance(value, list) and all(isinstance(part, str) for part in value):
        return "\n".join(value)
    return value
