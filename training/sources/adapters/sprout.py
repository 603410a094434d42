"""SPROUT (CARROT-LLM-Routing/SPROUT, arXiv 2502.03261): one row per prompt, one struct per model.

Read in loaders of others: columns ``key``, ``dataset``, ``dataset_level``, ``dataset_idx``,
``prompt``, ``golden_answer`` and per model a struct with ``score`` in [0, 1] (judged),
``num_input_tokens``, ``num_output_tokens`` and the response. Assumed: every column holding a
struct with a ``score`` is a model. A cell without a score is a bad row, as everywhere.
"""

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from training.sources.adapters.tables import each_table, missing_columns
from training.sources.rows import RawRecord, RawTable


def read_sprout(path: Path) -> RawTable:
    """Read SPROUT's Parquet files, a directory of them, or a saved data set.

    Raises:
        DataError: no table there, or no model in it.
    """
    records: list[RawRecord] = []
    for file, table in each_table(path):
        models = dict.fromkeys(
            name
            for record in table.records
            for name, cell in record.values.items()
            if isinstance(cell, Mapping) and "score" in cell
        )
        if table.records and not models:
            names = ", ".join(table.records[0].values)
            raise missing_columns(file, "prompt, dataset and {score, ...} per model", names)
        for record in table.records:
            where = f"{file.name} {record.where}"
            if record.problem:
                records.append(RawRecord(where, {}, record.problem))
            else:
                records.extend(_outcomes(where, record.values, models))
    return RawTable(records)


def _outcomes(
    where: str, values: Mapping[str, object], models: Iterable[str]
) -> Iterator[RawRecord]:
    for model in models:
        cell = values.get(model)
        cell = cell if isinstance(cell, Mapping) else {}
        long = {
            "prompt": values.get("prompt"),
            "prompt_id": values.get("key"),
            "task": values.get("dataset"),
            "subtask": values.get("dataset_level"),
            "model": model,
            "quality": cell.get("score"),
            "input_tokens": cell.get("num_input_tokens"),
            "output_tokens": cell.get("num_output_tokens"),
        }
        yield RawRecord(f"{where}, {model}", long)
