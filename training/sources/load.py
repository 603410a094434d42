"""The one way in: any supported file, directory or data set to checked rows.

Here is the choice of reader and what happens to bad rows. Formats are in ``files``, ``hub`` and
``adapters``; rules are in ``check``.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Literal

from router.errors import DataError
from training.sources.adapters import ADAPTERS
from training.sources.check import check_records
from training.sources.files import read_csv, read_jsonl, read_parquet
from training.sources.hub import is_saved_dataset, read_datasets
from training.sources.rows import RawRecord, RawTable, RowTable, bad_rows_error

_FILES: dict[str, Callable[[Path], RawTable]] = {
    "jsonl": read_jsonl,
    "csv": read_csv,
    "parquet": read_parquet,
}
_SUFFIXES = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
_DATASETS_PREFIX = "datasets:"
FORMATS: tuple[str, ...] = (*_FILES, "datasets", *ADAPTERS)


def load_rows(
    source: Path | str,
    *,
    format: str | None = None,  # noqa: A002 - the word users know it by
    column_map: Mapping[str, str] | None = None,
    on_bad: Literal["stop", "skip"] = "stop",
) -> RowTable:
    """Read and check outcomes.

    Args:
        source: a file; a directory (saved data set, or files of a public format); or
            ``datasets:owner/name[:split]`` for the hub.
        format: one of ``FORMATS``; by default told from the suffix.
        column_map: our column name to the name in the source, e.g. ``{"quality": "score"}``.
        on_bad: ``stop`` raises on any bad row, ``skip`` leaves bad rows out and lists them in
            ``RowTable.problems``.

    Raises:
        DataError: nothing there, an unknown format, a missing column, or bad rows (all of them
            in ``problems``).
        MissingExtraError: a data set is asked for and its library is not installed.
    """
    if on_bad not in ("stop", "skip"):
        raise DataError(f"on_bad is {on_bad!r}; allowed are 'stop' and 'skip'")
    name = str(source)
    raw = _renamed(_read(name, format), column_map or {}, name)
    if not raw.records:
        raise DataError(f"{name}: no records in it")
    table, problems = check_records(raw, name)
    if problems and on_bad == "stop":
        raise bad_rows_error(name, problems)
    if not table.rows:
        raise DataError(f"{name}: no good row is left", problems=problems)
    return replace(table, problems=problems)


def _read(source: str, form: str | None) -> RawTable:
    if form is not None and form not in FORMATS:
        raise DataError(f"format {form!r} is not known; allowed are {', '.join(FORMATS)}")
    if form == "datasets" or (form is None and source.startswith(_DATASETS_PREFIX)):
        return read_datasets(source.removeprefix(_DATASETS_PREFIX))
    path = Path(source)
    if not path.exists():
        raise DataError(
            f"{source}: no such file or directory; a data set of the hub is written "
            f"{_DATASETS_PREFIX}owner/name"
        )
    if form is None and path.is_dir() and is_saved_dataset(path):
        return read_datasets(source)
    form = form or _SUFFIXES.get(path.suffix.lower())
    if form is None:
        raise DataError(
            f"{source}: the format cannot be told from the name; "
            f"name one with format=...: {', '.join(FORMATS)}"
        )
    if form in ADAPTERS:
        return ADAPTERS[form](path)
    return _FILES[form](path)


def _renamed(raw: RawTable, column_map: Mapping[str, str], source: str) -> RawTable:
    if not column_map:
        return raw
    ours = {theirs: name for name, theirs in column_map.items()}
    names = dict.fromkeys(name for record in raw.records for name in record.values)
    absent = [theirs for theirs in ours if theirs not in names]
    if absent or len(ours) != len(column_map):
        raise DataError(
            f"{source}: column_map names {', '.join(absent) or 'one column twice'}; "
            f"the columns are {', '.join(names)}"
        )
    records = [RawRecord(r.where, _rename(r.values, ours), r.problem) for r in raw.records]
    return replace(raw, records=records)


def _rename(values: Mapping[str, object], ours: Mapping[str, str]) -> dict[str, object]:
    taken = set(ours.values())
    # A column whose name another one takes over stays visible among the columns not used.
    return {
        ours.get(name, f"replaced {name}" if name in taken else name): value
        for name, value in values.items()
    }
