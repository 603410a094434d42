"""``[deadlines]``, ``[deployments.completion]`` and ``[deployments.batch_file]``, checked.

Tables come in checked; out come the records of ``ways``. No time or probability is a constant here.
"""

from datetime import date, datetime

from router.checked import CheckedTable
from router.deferred.ways import (
    BATCH_FORMATS,
    NO_DEFAULTS,
    BatchFile,
    Completion,
    CompletionTimes,
    DeadlineDefaults,
)

DEADLINE_KEYS = {"confidence", "margin_seconds"}
POINT_KEYS = {"seconds", "probability"}
COMPLETION_KEYS = {"sync", "flex", "batch", "as_of", "source"}
BATCH_FILE_KEYS = {"format", "url", "most_requests", "most_bytes"}
_MOST_REQUESTS = 10_000_000
_MOST_BYTES = 10_000_000_000


def stated_deadlines(top: CheckedTable) -> DeadlineDefaults:
    """Return what a catalog says of deadlines.

    Args:
        top: The whole catalog.

    Raises:
        CatalogError: a key is unknown, missing or out of range.
    """
    if "deadlines" not in top.content:
        return NO_DEFAULTS
    table = top.table("deadlines", DEADLINE_KEYS)
    return DeadlineDefaults(
        table.number("confidence", above=0.0, below=1.0),
        table.optional_number("margin_seconds", least=0.0) or 0.0,
    )


def stated_completion(table: CheckedTable) -> Completion | None:
    """Return how long a deployment takes; None where the catalog does not say.

    Args:
        table: The deployment.

    Raises:
        CatalogError: a key is unknown, missing, of a wrong type or out of range, or points do not
            rise; or a way is stated that has no price.
    """
    if "completion" not in table.content:
        return None
    inner = table.table("completion", COMPLETION_KEYS)
    as_of = inner.content.get("as_of")
    if not isinstance(as_of, date) or isinstance(as_of, datetime):
        raise inner.error("as_of", as_of, "must be a date such as 2026-11-01, without quotes")
    for way in ("flex", "batch"):
        if way in inner.content and not {f"{way}_price", "price_key"} & set(table.content):
            raise inner.error(
                way, inner.content[way], f"needs {way}_price beside it, or a price_key"
            )
    return Completion(
        sync=_times(inner, "sync"),
        flex=_times(inner, "flex") if "flex" in inner.content else None,
        batch=_times(inner, "batch") if "batch" in inner.content else None,
        as_of=as_of,
        source=inner.text("source"),
    )


def stated_batch_file(table: CheckedTable) -> BatchFile | None:
    """Return what a deployment's batch files look like; None where the catalog does not say.

    Args:
        table: The deployment.

    Raises:
        CatalogError: a key is unknown, missing, of a wrong type or out of range.
    """
    if "batch_file" not in table.content:
        return None
    inner = table.table("batch_file", BATCH_FILE_KEYS)
    name = inner.text("format")
    if name not in BATCH_FORMATS:
        raise inner.error("format", name, f"must be one of {list(BATCH_FORMATS)}")
    if name != "openai" and "url" in inner.content:
        raise inner.error("url", inner.content["url"], 'goes with format "openai" only')
    return BatchFile(
        format=name,
        url=inner.text("url") if name == "openai" else "",
        most_requests=inner.integer("most_requests", 1, _MOST_REQUESTS),
        most_bytes=inner.integer("most_bytes", 1, _MOST_BYTES),
    )


def _times(table: CheckedTable, way: str) -> CompletionTimes:
    seconds: list[float] = []
    probabilities: list[float] = []
    for point in table.tables(way, POINT_KEYS):
        # Both rise from point to point.
        seconds.append(point.number("seconds", above=seconds[-1] if seconds else 0.0))
        least = probabilities[-1] if probabilities else 0.0
        probabilities.append(point.number("probability", above=least, most=1.0))
    return CompletionTimes(tuple(seconds), tuple(probabilities))
