"""A database file that is no longer where it was: noticed, and let go of without harm.

SQLite keeps what was committed last in a log beside the file (``-wal``) and goes on using both when
they are moved or deleted, so that it would acknowledge what nobody finds. And a new file made where
an old log still lies would destroy what is only in that log. Here are the file's identity, the way
to let go of a lost file, and the care before a new one is made; the connection is ``database``'s.
"""

import fcntl
import logging
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

LOG, INDEX = "-wal", "-shm"
_MOST_LOCK_SECONDS = 10.0
_LOCK_AGAIN_SECONDS = 0.02

Identity = tuple[int, int]
"""Device and inode."""

logger = logging.getLogger("router.ledger")


class FileLostError(sqlite3.OperationalError):
    """The open file is not the one at its path any more."""

    def __init__(self) -> None:
        super().__init__("the file was moved away, replaced or deleted while it was in use")


def identity_of(path: Path) -> Identity | None:
    """Return which file is at a path; None if there is none.

    Raises:
        OSError: it cannot be told.
    """
    try:
        found = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        return None
    return found.st_dev, found.st_ino


def beside(path: Path, suffix: str) -> Path:
    """Return the file that SQLite keeps beside a database."""
    return path.with_name(path.name + suffix)


@contextmanager
def alone_in(directory: Path) -> Iterator[None]:
    """Keep other threads and processes out that ask for the same, for some seconds at most."""
    try:
        descriptor = os.open(directory, os.O_RDONLY)
    except OSError:  # no such directory, say: what is done next will tell
        yield
        return
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    end = time.monotonic() + _MOST_LOCK_SECONDS
    while time.monotonic() < end:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(_LOCK_AGAIN_SECONDS)
        except OSError:  # some file systems have no such locks
            return
        else:
            return


def make_way(path: Path) -> None:
    """Before a new database is made: put aside what lies beside it and belongs to another file.

    Raises:
        OSError: it cannot be put aside.
    """
    if path.exists() and path.stat().st_size:
        return
    beside(path, INDEX).unlink(missing_ok=True)
    _put_aside(path)


def let_go(
    connection: sqlite3.Connection,
    path: Path,
    file: Identity | None,
    log: Identity | None,
    index: Identity | None,
) -> None:
    """Close the connection to a lost file, with all that was committed in the file itself.

    Args:
        connection: To the file.
        path: Where it was, links followed; it still is there if a link was changed.
        file: The one that was opened.
        log: The ``-wal`` it uses; None if not known.
        index: The ``-shm`` it uses; None if not known.
    """
    with closing(connection), suppress(sqlite3.Error, OSError):
        if identity_of(path) == file:
            return
        busy, in_log, moved = connection.execute("PRAGMA wal_checkpoint(FULL)").fetchone()
        if index is not None and identity_of(beside(path, INDEX)) == index:
            beside(path, INDEX).unlink()
        if log is not None and identity_of(beside(path, LOG)) == log:
            if busy or in_log != moved:
                _put_aside(path)
            else:
                beside(path, LOG).unlink()


def _put_aside(path: Path) -> None:
    """Rename a log that still holds something; delete an empty one."""
    log = beside(path, LOG)
    if not log.exists():
        return
    if not log.stat().st_size:
        log.unlink()
        return
    kept = log.with_name(f"{log.name}.left-{time.time_ns()}")
    log.rename(kept)
    logger.error(
        "%s holds what was committed last to a file that was moved away without it; to have it, "
        "put it beside that file, under its name with %s at the end, and open that file",
        kept,
        LOG,
    )
