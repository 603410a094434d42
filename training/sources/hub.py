"""Data sets of the ``datasets`` library, from the hub by id or from a directory, to raw records.

The library is imported only here and only when it is asked for.
"""

from pathlib import Path
from typing import TYPE_CHECKING

from router.errors import DataError, MissingExtraError
from training.sources.rows import RawRecord, RawTable

if TYPE_CHECKING:
    from datasets import Dataset

_SAVED = ("state.json", "dataset_dict.json")


def is_saved_dataset(path: Path) -> bool:
    """Tell whether a directory was written by ``save_to_disk``."""
    return any((path / name).is_file() for name in _SAVED)


def read_datasets(source: str) -> RawTable:
    """Read a data set; every split is read unless one is named.

    Args:
        source: a directory written by ``save_to_disk`` (no network), or ``owner/name`` or
            ``owner/name:split`` of the hub.

    Raises:
        MissingExtraError: the library is not installed.
        DataError: the data set cannot be loaded.
    """
    try:
        import datasets
    except ImportError as error:
        raise MissingExtraError("datasets", "train") from error
    try:
        if is_saved_dataset(Path(source)):
            loaded = datasets.load_from_disk(source)
        else:
            name, _, split = source.partition(":")
            loaded = datasets.load_dataset(name, split=split or None)
    except Exception as error:  # the library raises a dozen unrelated classes
        raise DataError(
            f"{source}: the datasets library cannot load it ({error}); give owner/name, "
            "owner/name:split, or a directory written by save_to_disk",
            reason="DATASET_UNAVAILABLE",
        ) from error
    parts: dict[str, Dataset] = loaded if isinstance(loaded, dict) else {"": loaded}
    return RawTable(
        [
            RawRecord(f"{split} row {number}".strip(), values)
            for split, part in parts.items()
            for number, values in enumerate(part, 1)
        ]
    )
