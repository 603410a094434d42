"""From waiting jobs to files on disk, in steps of which each may be the last before a crash."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from router.batch.formats import text_of
from router.batch.outbox import Outbox
from router.batch.store import JobStore
from router.deferred.ways import BatchFile


def collect(
    store: JobStore, outbox: Outbox, limits: Mapping[str, BatchFile], now: float
) -> Iterator[Path]:
    """Write files of all waiting jobs and yield each once it is handed out; never one twice.

    The jobs of a file are fixed first, then it is written, then noted as ready, then handed out. A
    file that was fixed before a crash and is not ready is written again.

    Args:
        store: Of the jobs.
        outbox: Where files go.
        limits: What files of each deployment look like, and how large they may be.
        now: Seconds since 1970.

    Raises:
        BatchError: jobs wait for a deployment that has no batch files.
    """
    store.reserve(limits, now, outbox.place)
    for file in store.files("writing"):
        entries = store.entries(file.name)
        if not entries:
            store.failed(file.name, "all its jobs were handed over before it was written", now)
            continue
        if file.directory != str(outbox.place):  # it was to go elsewhere before a crash
            outbox.delete(file)
            store.moved(file.name, outbox.place)
        path = outbox.write(file.name, text_of(entries, file.form))
        if store.ready(file.name):
            yield path
    tidy(store, outbox)


def tidy(store: JobStore, outbox: Outbox) -> None:
    """Delete files that hold prompts and are of no use any more, wherever they were written.

    A file whose directory is not there now is looked for again at the next call.
    """
    for file in store.deletable():
        if outbox.delete(file):
            store.deleted(file.name)
