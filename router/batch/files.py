"""Batch files in the store: which there are, and how they move on. Jobs alone are ``store``."""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from router.batch.filing import reserve
from router.batch.formats import Result
from router.batch.opened import OpenedFile
from router.batch.settle import settle_batch, settle_missing
from router.deferred.ways import BatchFile
from router.errors import BatchError

_COLUMNS = "name, deployment, form, state, batch_id, directory"
_MISSING = "the results of its batch are all in, and it is not among them"


class File(NamedTuple):
    """A batch file: ``state`` as in ``schema``; ``batch_id`` is the provider's, once sent.

    ``directory`` is where it is or was written; None in a store of an earlier release.
    """

    name: str
    deployment: str
    form: str
    state: str
    batch_id: str | None
    directory: str | None


class FileStore(OpenedFile):
    """The batch files of a store; arguments and errors are those of ``OpenedFile``."""

    def reserve(self, limits: Mapping[str, BatchFile], now: float, directory: Path) -> None:
        """Fix the jobs of new files; see ``router.batch.filing``."""
        with self.changing() as connection:
            reserve(connection, limits, now, directory)

    def files(self, *states: str) -> list[File]:
        """Return the files in any of the states, oldest first; all files if none is given."""
        with self.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM file ORDER BY place"  # noqa: S608  # a constant
            ).fetchall()
        return [file for file in map(File._make, rows) if not states or file.state in states]

    def entries(self, name: str) -> list[str]:
        """Return the entries of a file that is being written, in order.

        Jobs that were handed over to be asked at once meanwhile are left out.
        """
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT entry FROM job WHERE file = ? AND state = 'filed' ORDER BY place", (name,)
            ).fetchall()
        return [entry for (entry,) in rows]

    def ready(self, name: str) -> bool:
        """Note that a file is whole on disk; return whether this was the first to say so."""
        with self.changing() as connection:
            # Of two who write it at once the second may do so after it was of use, and deleted.
            connection.execute("UPDATE file SET is_on_disk = 1 WHERE name = ?", (name,))
            return _move(connection, name, "ready", "writing")

    def moved(self, name: str, directory: Path) -> None:
        """Note that a file is written elsewhere than it was to be."""
        with self.changing() as connection:
            connection.execute(
                "UPDATE file SET directory = ? WHERE name = ?", (str(directory), name)
            )

    def deletable(self) -> list[File]:
        """Return the files that may still be on disk and are of no use there any more."""
        with self.reading() as connection:
            rows = connection.execute(
                f"SELECT {_COLUMNS} FROM file "  # noqa: S608  # a constant
                "WHERE is_on_disk AND state IN ('ended', 'failed')"
            ).fetchall()
        return list(map(File._make, rows))

    def deleted(self, name: str) -> None:
        """Note that a file is no more on disk."""
        with self.changing() as connection:
            connection.execute("UPDATE file SET is_on_disk = 0 WHERE name = ?", (name,))

    def sent(self, name: str, batch_id: str) -> None:
        """Note that a file was sent, and what the provider calls the batch; twice is as once.

        Raises:
            BatchError: there is no such file, it was told otherwise, or the id is another's.
        """
        with self.changing() as connection:
            file = _file(connection, "name", name)
            if (file.state, file.batch_id) == ("sent", batch_id):
                return
            taken = connection.execute(
                "SELECT name FROM file WHERE batch_id = ?", (batch_id,)
            ).fetchone()
            if taken is not None:
                raise _told_otherwise(name, f"batch id {batch_id!r} is that of {taken[0]}")
            if not _move(connection, name, "sent", "writing", "ready"):
                raise _told_otherwise(name, f"it is {file.state}, as batch {file.batch_id!r}")
            connection.execute("UPDATE file SET batch_id = ? WHERE name = ?", (batch_id, name))

    def failed(self, name: str, error: str, now: float) -> Counter[str]:
        """Take a file as failed, so that its jobs are tried again; twice is as once.

        Raises:
            BatchError: there is no such file, or its results are in.
        """
        with self.changing() as connection:
            file = _file(connection, "name", name)
            if file.state == "ended":
                raise _told_otherwise(name, "its results are in")
            _move(connection, name, "failed", "writing", "ready", "sent")
            return settle_missing(connection, name, error, now)

    def results(
        self, batch_id: str, results: Sequence[Result], now: float, *, are_last: bool = False
    ) -> Counter[str]:
        """Record results of a batch; of the jobs, count what became of each.

        Args:
            batch_id: As told to ``sent``.
            results: In any order; the same again changes nothing.
            now: Seconds since 1970.
            are_last: Whether jobs without any result have failed.

        Raises:
            BatchError: there is no such batch, or a result is of none of its jobs.
        """
        with self.changing() as connection:
            file = _file(connection, "batch_id", batch_id)
            counts = settle_batch(connection, file.name, results, now)
            if are_last:
                counts += settle_missing(connection, file.name, _MISSING, now)
            (left,) = connection.execute(
                "SELECT count(*) FROM member WHERE file = ? AND outcome IS NULL", (file.name,)
            ).fetchone()
            if not left:
                _move(connection, file.name, "ended", "sent")
        return counts


def _file(connection: sqlite3.Connection, key: str, value: str) -> File:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM file WHERE {key} = ?",  # noqa: S608
        (value,),  # the key is one of two column names above
    ).fetchone()
    if row is None:
        names = [name for (name,) in connection.execute(f"SELECT {key} FROM file") if name]  # noqa: S608
        what = "file" if key == "name" else "batch"
        raise BatchError(
            f"there is no {what} {value!r}; known are {names}", metadata={"given": value}
        )
    return File._make(row)


def _move(connection: sqlite3.Connection, name: str, to: str, *states: str) -> bool:
    """Change a file's state if it is in one of some; return whether it was."""
    (state,) = connection.execute("SELECT state FROM file WHERE name = ?", (name,)).fetchone()
    if state in states:
        connection.execute("UPDATE file SET state = ? WHERE name = ?", (to, name))
    return state in states


def _told_otherwise(name: str, why: str) -> BatchError:
    return BatchError(
        f"{name}: {why}; nothing was changed: see 'python -m router batch status'",
        reason="BATCH_CONFLICT",
        metadata={"file": name},
    )
