"""What the adapters share: a path that is one table or a directory of tables.

No format's columns are named here.
"""

from collections.abc import Iterator
from pathlib import Path

from router.errors import DataError
from training.sources.files import read_csv, read_jsonl, read_parquet
from training.sources.hub import is_saved_dataset, read_datasets
from training.sources.rows import RawTable

_READERS = {".csv": read_csv, ".jsonl": read_jsonl, ".parquet": read_parquet}
_PICKLES = (".pkl", ".pickle")


def each_table(path: Path) -> Iterator[tuple[Path, RawTable]]:
    """Yield the tables at ``path`` in the order of their names, each with its file.

    Raises:
        DataError: no table there, or a pickle, which is never opened.
    """
    if path.is_dir() and is_saved_dataset(path):
        yield path, read_datasets(str(path))
        return
    files = sorted(path.rglob("*")) if path.is_dir() else [path]
    tables = [file for file in files if file.suffix.lower() in _READERS]
    if not tables:
        pickled = [file for file in files if file.suffix.lower() in _PICKLES]
        if pickled:
            raise DataError(
                f"{pickled[0]}: a pickle can run code when it is opened, so it is not; convert it "
                "where you trust it: pandas.read_pickle(name).to_parquet('routerbench.parquet')",
                reason="PICKLE_REFUSED",
            )
        raise DataError(f"{path}: no {', '.join(_READERS)} file here")
    for file in tables:
        yield file, _READERS[file.suffix.lower()](file)


def missing_columns(path: Path, expected: str, found: object) -> DataError:
    """Return the error for a table that is not of the format."""
    return DataError(f"{path}: expected {expected}; found {found}", reason="MISSING_COLUMN")
