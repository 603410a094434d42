"""LLMRouterBench results (ynulihao/LLMRouterBench): one JSON file per data set, split and model.

Read in its README, ``data_collector/storage.py`` and ``baselines/data_loader.py``: files
``bench/<dataset>/<split>/<model>/<dataset>-<split>-<model>-<YYYYMMDD_HHMMSS>.json`` holding
``model_name``, ``dataset_name``, ``split``, ``demo`` and ``records`` of ``index``,
``origin_query``, ``prompt``, ``prediction``, ``ground_truth``, ``score``, ``prompt_tokens``,
``completion_tokens``, ``cost``. As there, demo files and all but the newest file of a model are
left out (and reported here). Assumed: where a file does not name its model, a record does
(``model_name`` or ``model``), else its directory; the text to route on is ``origin_query``, while
``prompt_tokens`` counts the whole template. A record without a score is a bad row here, not 0.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path

from router.errors import DataError
from training.sources.rows import RawRecord, RawTable

_STAMP = re.compile(r"(\d{8}_\d{6})\.json$")


def read_llmrouterbench(path: Path) -> RawTable:
    """Read one result file or a directory of them.

    Raises:
        DataError: no result file there.
    """
    files = sorted(path.rglob("*.json")) if path.is_dir() else [path]
    if not files:
        raise DataError(f"{path}: no *.json result file here")
    records: list[RawRecord] = []
    notes: list[str] = []
    newest: dict[tuple[str, str, str], tuple[str, Path, dict[str, object]]] = {}
    for file in files:
        content = _content(file)
        if isinstance(content, str):
            records.append(RawRecord(file.name, {}, content))
            continue
        if content.get("demo"):
            notes.append(f"left out, a demo run: {file.name}")
            continue
        key = _identity(file, content)
        stamp = _STAMP.search(file.name)
        candidate = (stamp.group(1) if stamp else "", file, content)
        older, newer = sorted((newest.get(key, candidate), candidate), key=lambda c: c[0])
        if older[1] != newer[1]:
            notes.append(f"left out, an older run: {older[1].name}")
        newest[key] = newer
    for (dataset, split, model), (_, file, content) in newest.items():
        records.extend(_records(file, content, dataset, split, model))
    return RawTable(records, notes=tuple(notes))


def _content(file: Path) -> dict[str, object] | str:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        return f"not JSON ({error})"
    if not isinstance(content, dict) or not isinstance(content.get("records"), list):
        return "no list of records in it"
    return content


def _identity(file: Path, content: dict[str, object]) -> tuple[str, str, str]:
    parents = [parent.name for parent in file.parents]
    dataset = content.get("dataset_name") or (parents[2] if len(parents) > 2 else "")
    split = content.get("split") or ""
    return str(dataset), str(split), str(content.get("model_name") or parents[0])


def _records(
    file: Path, content: dict[str, object], dataset: str, split: str, model: str
) -> Iterator[RawRecord]:
    found = content["records"]
    for number, record in enumerate(found if isinstance(found, list) else [], 1):
        where = f"{file.name} record {number}"
        if not isinstance(record, dict):
            yield RawRecord(where, {}, f"expected an object, found {type(record).__name__}")
            continue
        long = {
            "prompt": record.get("origin_query") or record.get("prompt"),
            "prompt_id": f"{dataset}/{split}/{record.get('index', number)}",
            "task": dataset,
            "subtask": split,
            "model": content.get("model_name")
            or record.get("model_name")
            or record.get("model")
            or model,
            "quality": record.get("score"),
            "input_tokens": record.get("prompt_tokens"),
            "output_tokens": record.get("completion_tokens"),
        }
        yield RawRecord(where, long)
