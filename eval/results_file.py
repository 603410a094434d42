"""Reads and writes ``results.json``: the records of ``eval.results`` as checked JSON.

Nothing is computed here. An undefined number (NaN) is ``null`` in the file.
"""

import dataclasses
import json
import math
import types
import typing
from pathlib import Path
from typing import Any, TypeVar

from eval.results import SCHEMA_VERSION, Results
from router.errors import DataError

Record = TypeVar("Record")


def write_results(results: Results, path: Path) -> None:
    """Write results; the same results give the same bytes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(_plain(dataclasses.asdict(results)), indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_results(path: Path) -> Results:
    """Read and check results.

    Raises:
        DataError: No such file, not JSON (with the line), another schema version, a missing or
            unknown field, or a value of a wrong type; the message names the field's path.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{path}: there is no such file; run `make eval` to make it") from error
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: not readable as JSON: {error}; run `make eval` again") from error
    if not isinstance(content, dict) or "schema_version" not in content:
        raise DataError(f"{path}: schema_version is missing, so this is not a results file")
    if content["schema_version"] != SCHEMA_VERSION:
        raise DataError(
            f"{path}: schema_version {content['schema_version']!r}; this release reads "
            f"{SCHEMA_VERSION}: run `make eval` again"
        )
    try:
        return from_plain(Results, content)
    except DataError as error:
        raise DataError(f"{path}: {error}; run `make eval` again") from error


def from_plain(record: type[Record], content: object, where: str = "") -> Record:
    """Build a frozen record from parsed JSON.

    Args:
        record: A dataclass whose fields are str, bool, int, float, other such dataclasses, or
            tuples of these.
        content: What ``json.loads`` gave.
        where: Path of the record in the file, for errors.

    Raises:
        DataError: A missing or unknown field, or a value of a wrong type.
    """
    if not isinstance(content, dict):
        raise DataError(f"{where or 'the file'}: expected an object, given {_shown(content)}")
    hints = typing.get_type_hints(record)
    place = f"{where}." if where else ""
    for name in hints.keys() - content.keys():
        raise DataError(f"{place}{name}: missing")
    for name in content.keys() - hints.keys():
        raise DataError(f"{place}{name}: unknown field; known: {', '.join(hints)}")
    values = {name: _value(kind, content[name], place + name) for name, kind in hints.items()}
    return record(**values)


def _value(kind: Any, content: object, where: str) -> object:
    if isinstance(kind, types.GenericAlias):
        if not isinstance(content, list):
            raise DataError(f"{where}: expected a list, given {_shown(content)}")
        item = kind.__args__[0]
        return tuple(_value(item, one, f"{where}[{i}]") for i, one in enumerate(content))
    if dataclasses.is_dataclass(kind):
        return from_plain(typing.cast("type[object]", kind), content, where)
    if kind is float:
        if content is None:
            return math.nan
        if isinstance(content, int | float) and not isinstance(content, bool):
            return float(content)
        raise DataError(f"{where}: expected a number or null, given {_shown(content)}")
    if type(content) is not kind:
        raise DataError(f"{where}: expected {kind.__name__}, given {_shown(content)}")
    return content


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    if isinstance(value, float):
        return None if math.isnan(value) else float(f"{value:.6g}")
    return value


def _shown(content: object) -> str:
    text = json.dumps(content)
    return text if len(text) <= 40 else text[:37] + "..."
