"""JSONL, CSV and Parquet files to raw records, each with its line or row number.

A line that cannot be read becomes a record with a problem, not an exception: judging is
``check``'s. Column names are not looked at here.
"""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from router.errors import DataError
from training.sources.rows import RawRecord, RawTable

csv.field_size_limit(64 * 1024 * 1024)


def read_jsonl(path: Path) -> RawTable:
    """Read one JSON object per line; blank lines are skipped.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise _unreadable(path, error) from error
    return RawTable(
        [_json_record(number, line) for number, line in enumerate(lines, 1) if line.strip()]
    )


def _json_record(number: int, line: bytes) -> RawRecord:
    where = f"line {number}"
    try:
        values = json.loads(line.decode("utf-8-sig" if number == 1 else "utf-8"))
    except UnicodeDecodeError as error:
        return RawRecord(where, {}, f"not UTF-8 ({error.reason} at byte {error.start})")
    except (ValueError, RecursionError) as error:
        return RawRecord(where, {}, f"not JSON ({error})")
    if not isinstance(values, dict):
        return RawRecord(where, {}, f"expected a JSON object, found {type(values).__name__}")
    return RawRecord(where, values)


def read_csv(path: Path) -> RawTable:
    """Read a CSV file with a header line; a record's place is the line it begins on.

    Raises:
        DataError: the file cannot be read, has no header, or names a column twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            if not header or len(set(header)) != len(header):
                raise DataError(f"{path}: the first line must name every column once")
            return RawTable(list(_csv_records(reader, header)), numbers_as_text=True)
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error


def _csv_records(reader: Any, header: list[str]) -> Iterator[RawRecord]:
    while True:
        where = f"line {reader.line_num + 1}"
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield RawRecord(where, {}, f"not CSV ({error})")
            continue
        if not cells:
            continue
        if len(cells) != len(header):
            yield RawRecord(where, {}, f"{len(cells)} cells, the header has {len(header)}")
            continue
        yield RawRecord(where, dict(zip(header, cells, strict=True)))


def read_parquet(path: Path) -> RawTable:
    """Read a Parquet file; rows are counted from 1.

    Raises:
        DataError: the file cannot be read.
    """
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise _unreadable(path, error) from error
    return RawTable(
        [RawRecord(f"row {n}", values) for n, values in enumerate(table.to_pylist(), 1)]
    )


def _unreadable(path: Path, error: Exception) -> DataError:
    return DataError(f"{path}: cannot be read ({error})", metadata={"file": str(path)})
