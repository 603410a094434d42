"""The deadline of a request in a line of a log: the server's decision log, or one with its keys."""

from router.checked import CheckedTable
from router.deferred.ways import Deadline

_KEY = "deadline"


def read_deadline(table: CheckedTable) -> Deadline | None:
    """Return a line's deadline, without a margin, which is the catalog's; None if it has none.

    Raises:
        DataError: a key is unknown, missing or out of range.
    """
    if _KEY not in table.content:
        return None
    inner = table.table(_KEY, {"needed_within_seconds", "confidence"})
    return Deadline(
        inner.number("needed_within_seconds", above=0.0),
        inner.number("confidence", above=0.0, below=1.0),
    )
