"""Which jobs go into which file, fixed before a file is written. Inside one transaction."""

import re
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from router.batch.formats import BYTES_AROUND, SUFFIXES, bytes_of, fitted
from router.deferred.ways import BatchFile
from router.errors import BatchError

_Row = tuple[str, str]


def reserve(
    connection: sqlite3.Connection, limits: Mapping[str, BatchFile], now: float, directory: Path
) -> None:
    """Put every waiting job whose fall-back point is not past into a new file of its deployment.

    Args:
        connection: In a transaction.
        limits: What files of each deployment look like, and how large they may be.
        now: Seconds since 1970.
        directory: Where the files are to be written.

    Raises:
        BatchError: jobs wait for a deployment of which that is not known.
    """
    waiting = "state = 'waiting' AND (fall_back_at IS NULL OR fall_back_at > ?)"
    names = connection.execute(
        f"SELECT DISTINCT deployment FROM job WHERE {waiting} ORDER BY deployment",  # noqa: S608
        (now,),  # a constant above
    ).fetchall()
    for (deployment,) in names:
        of = limits.get(deployment)
        if of is None:
            raise BatchError(
                f"jobs wait for {deployment!r}, which has no [deployments.batch_file] in the "
                "catalog: add it, or give the catalog they were added with",
                metadata={"deployment": deployment},
            )
        rows = connection.execute(
            f"SELECT custom_id, entry FROM job WHERE deployment = ? AND {waiting} ORDER BY place",  # noqa: S608
            (deployment, now),  # a constant above
        ).fetchall()
        rows = list(_fitted(connection, rows, of))
        for jobs in _filled(rows, of):
            _make_file(connection, deployment, of, directory, jobs)


def _fitted(connection: sqlite3.Connection, rows: list[_Row], of: BatchFile) -> Iterator[_Row]:
    """Yield the jobs as files are now; a catalog may state another format than when they came."""
    for custom_id, entry in rows:
        now = fitted(custom_id, entry, of)
        if now != entry:
            connection.execute("UPDATE job SET entry = ? WHERE custom_id = ?", (now, custom_id))
        yield custom_id, now


def _filled(rows: list[_Row], of: BatchFile) -> Iterator[list[str]]:
    """Yield the ids of one file after the other, each as full as its limits allow."""
    ids: list[str] = []
    size = BYTES_AROUND
    for custom_id, entry in rows:
        if ids and (len(ids) == of.most_requests or size + bytes_of(entry) > of.most_bytes):
            yield ids
            ids, size = [], BYTES_AROUND
        ids.append(custom_id)
        size += bytes_of(entry)
    if ids:
        yield ids


def _make_file(
    connection: sqlite3.Connection, deployment: str, of: BatchFile, directory: Path, ids: list[str]
) -> None:
    (made,) = connection.execute("SELECT count(*) FROM file").fetchone()
    stem = re.sub(r"[^A-Za-z0-9._-]", "_", deployment)
    name = f"{stem}-{made + 1:06d}{SUFFIXES[of.format]}"
    connection.execute(
        "INSERT INTO file (name, deployment, form, directory) VALUES (?, ?, ?, ?)",
        (name, deployment, of.format, str(directory)),
    )
    connection.executemany(
        "INSERT INTO member (file, custom_id) VALUES (?, ?)", [(name, one) for one in ids]
    )
    connection.executemany(
        "UPDATE job SET state = 'filed', file = ? WHERE custom_id = ?", [(name, one) for one in ids]
    )
