"""Outcome tables as Parquet files: numbers, hashes and labels, never a prompt's text.

The table itself is ``eval.outcome_table.OutcomeTable``, offered again here. The layout of a file
is described column by column in data/README.md.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eval.arrays import StrArray
from eval.outcome_table import REBUILD, Float32Array, OutcomeTable, require_encoder, require_inputs
from router.errors import DataError

__all__ = [
    "Origin",
    "OutcomeTable",
    "is_outcome_file",
    "read_origin",
    "read_outcomes",
    "require_encoder",
    "require_inputs",
    "write_outcomes",
]

FORMAT = "1"
_QUALITY, _OUTPUT = "quality:", "output_tokens:"
_STRINGS = {
    "prompt_id": "prompt_ids",
    "source": "source",
    "task": "task",
    "subtask": "subtask",
    "group": "group",
    "flags": "flags",
}
_REQUIRED = (*_STRINGS, "input_tokens", "vector", "vector_scale", "features")
_MAX_INT8 = 127.0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where outcomes come from, kept in the file. ``notes`` says what a user must know."""

    origin: str
    commit: str
    licence: str
    notes: str = ""


def write_outcomes(table: OutcomeTable, path: Path, origin: Origin) -> None:
    """Write a table; vectors are kept as int8 with one scale a row, the rest exactly.

    Reading the file again gives vectors within 1 % of these; writing what was read changes
    nothing any more.

    Raises:
        DataError: ``input_tokens`` holds a NaN. Files keep whole tokens.
    """
    if np.isnan(table.input_tokens).any():
        raise DataError(f"{path}: input_tokens must be known for every prompt")
    scale = np.abs(table.vectors).max(axis=1, initial=0.0) / _MAX_INT8
    steps = np.rint(table.vectors / np.where(scale > 0, scale, 1.0)[:, None]).astype(np.int8)
    columns: dict[str, pa.Array] = {
        name: pa.array(getattr(table, field).tolist(), pa.string())
        for name, field in _STRINGS.items()
    }
    columns["input_tokens"] = pa.array(np.rint(table.input_tokens), pa.int32())
    columns["vector"] = pa.FixedSizeBinaryArray.from_buffers(
        pa.binary(max(steps.shape[1], 1)), len(steps), [None, pa.py_buffer(steps.tobytes())]
    )
    columns["vector_scale"] = pa.array(scale, pa.float32())
    columns["features"] = pa.FixedSizeListArray.from_arrays(
        pa.array(table.features.ravel(), pa.float32()), table.features.shape[1]
    )
    for column, model in enumerate(table.models):
        for prefix, values in ((_QUALITY, table.quality), (_OUTPUT, table.output_tokens)):
            columns[prefix + model] = pa.array(values[:, column], pa.float32(), from_pandas=True)
    metadata = {
        "router.format": FORMAT,
        "router.encoder_sha256": table.encoder_sha256,
        "router.features_version": table.features_version,
        "router.origin": json.dumps(asdict(origin), sort_keys=True),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns).replace_schema_metadata(metadata), path, compression="zstd")


def read_outcomes(paths: Path | str | Iterable[Path | str]) -> OutcomeTable:
    """Read one file, the ``*.parquet`` of one directory, or several of either, as one table.

    Raises:
        DataError: nothing there, not an outcome file, another format, columns missing or of a
            wrong type, or files of different encoders (both hashes are named).
    """
    given = [paths] if isinstance(paths, Path | str) else list(paths)
    files: list[Path] = []
    for path in map(Path, given):
        found = sorted(path.glob("*.parquet")) if path.is_dir() else [path]
        files.extend(file for file in found if file.is_file())
        if not found or not found[0].is_file():
            raise DataError(f"{path}: no outcome file here; {REBUILD}, or name a *.parquet file")
    return OutcomeTable.concat([_read_file(file) for file in files])


def is_outcome_file(path: Path) -> bool:
    """Say whether a file is an outcome table of any format, without reading its rows."""
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return False
    return b"router.format" in metadata


def read_origin(path: Path) -> Origin:
    """Read where a file's outcomes come from.

    Raises:
        DataError: not an outcome file.
    """
    try:
        return Origin(**json.loads(_metadata(path)["router.origin"]))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: 'router.origin' is missing or not readable; {REBUILD}") from error


def _metadata(path: Path) -> dict[str, str]:
    try:
        raw = pq.read_schema(path).metadata or {}
    except (pa.ArrowException, OSError) as error:
        raise DataError(f"{path}: not readable as Parquet ({error}); {REBUILD}") from error
    metadata = {key.decode(): value.decode("utf-8", "replace") for key, value in raw.items()}
    found = metadata.get("router.format")
    if found != FORMAT:
        what = "no outcome table (no 'router.format')" if found is None else f"format {found!r}"
        raise DataError(f"{path}: {what}; this release reads format {FORMAT!r}: {REBUILD}")
    return metadata


def _read_file(path: Path) -> OutcomeTable:
    metadata = _metadata(path)
    table = pq.read_table(path).combine_chunks()
    missing = [name for name in _REQUIRED if name not in table.column_names]
    models = [n.removeprefix(_QUALITY) for n in table.column_names if n.startswith(_QUALITY)]
    missing += [_OUTPUT + m for m in models if _OUTPUT + m not in table.column_names]
    missing += [
        k for k in ("router.encoder_sha256", "router.features_version") if k not in metadata
    ]
    if missing:
        raise DataError(f"{path}: missing {', '.join(missing)}; {REBUILD}")
    try:
        return OutcomeTable(
            **{field: _strings(table[name]) for name, field in _STRINGS.items()},
            input_tokens=table["input_tokens"].to_numpy().astype(np.float64),
            vectors=_vectors(table["vector"]),
            features=_matrix(table["features"], table["features"].type.list_size),
            models=tuple(models),
            quality=_columns(table, [_QUALITY + model for model in models]),
            output_tokens=_columns(table, [_OUTPUT + model for model in models]),
            encoder_sha256=metadata["router.encoder_sha256"],
            features_version=metadata["router.features_version"],
        )
    except (AttributeError, TypeError, ValueError) as error:
        raise DataError(f"{path}: a column is of a wrong type ({error}); {REBUILD}") from error
    except DataError as error:
        raise DataError(f"{path}: {error}") from error


def _strings(column: pa.ChunkedArray) -> StrArray:
    if column.null_count:
        raise TypeError(f"{column.null_count} empty cells where text must stand")
    return np.array(column.to_pylist(), dtype=np.str_).reshape(len(column))


def _flat(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)


def _vectors(column: pa.ChunkedArray) -> Float32Array:
    """Turn int8 steps into unit vectors; the stored scale drops out of the division."""
    width = column.type.byte_width
    steps = np.frombuffer(b"".join(column.to_pylist()), dtype=np.int8).reshape(-1, width)
    lengths = np.linalg.norm(steps.astype(np.float64), axis=1, keepdims=True)
    vectors: Float32Array = (steps / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return vectors


def _matrix(column: pa.ChunkedArray, width: int) -> Float32Array:
    values: Float32Array = _flat(column).flatten().to_numpy(zero_copy_only=False)
    return values.astype(np.float32).reshape(len(column), width)


def _columns(table: pa.Table, names: list[str]) -> Float32Array:
    if not names:
        return np.empty((len(table), 0), dtype=np.float32)
    return np.column_stack([table[name].to_numpy().astype(np.float32) for name in names]).reshape(
        len(table), len(names)
    )
