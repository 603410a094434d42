"""Audits of contracts and the watches they feed, in SQLite, each change in one transaction.

A watch is one monitor of one contract under one calibration; its state is written together with
the audit that moved it, so that no crash counts an audit twice or loses one, and no restart begins
a watch anew, which would spend its confidence again. What an audit means is
``router.promise.audit``; who is drawn, and what a suspended contract leads to, is the server's.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from router.errors import StoreError
from router.ledger.audit_records import DrawnAudit, Reported, Watched
from router.ledger.database import Database
from router.ledger.watch_rows import WATCHED, draw, report, watched_of
from router.ledger.watch_schema import make_tables

_PATIENCE_SECONDS = 1.0


class AuditStore:
    """Tables in an SQLite file. Safe from several threads and several processes.

    Args:
        path: Created when absent; may be the file of recorded outcomes. Its directory must exist.
        must_open: Whether a file that cannot be used now is refused; else it is tried again when
            it is needed.

    Raises:
        StoreError: the file cannot be opened or is not SQLite.
    """

    def __init__(self, path: Path, *, must_open: bool = True) -> None:
        self.path = path
        self._database = Database(
            path,
            make_tables,
            version=None,
            patience_seconds=_PATIENCE_SECONDS,
            purpose="a store of audits",
            must_open=must_open,
        )

    def changed(self) -> bool:
        """Tell whether another connection, of whatever process, has written since last asked.

        Raises:
            StoreError: the file cannot be read.
        """
        try:
            return self._database.changed()
        except sqlite3.Error as error:
            raise self._unreadable(error) from error

    def draw(self, drawn: Sequence[DrawnAudit]) -> list[Watched | None]:
        """Make draws durable; of the top tier with loss 0, the others open.

        Returns:
            The watch of each, this draw counted; None where it was not written, because
            ``MOST_WATCHES`` other contracts are watched or this one is suspended.

        Raises:
            StoreError: nothing was made durable.
        """
        with self._transaction() as cursor:
            return [draw(cursor, one) for one in drawn]

    def report(self, decision_id: str, quality: float, top_quality: float) -> Reported:
        """Make the report of a drawn audit durable, and its watch's state with it.

        Args:
            decision_id: As drawn.
            quality: Of the chosen tier's answer, in [0, 1].
            top_quality: Of the top tier's, in [0, 1].

        Raises:
            AuditUnknownError: no such audit was drawn.
            AuditConflictError: it was reported before with other qualities, or needs no report.
            AuditExpiredError: more than ``WINDOW`` audits were drawn since.
            StoreError: nothing was made durable; report again.
        """
        with self._transaction() as cursor:
            return report(cursor, decision_id, quality, top_quality)

    def watched(self, calibration: str) -> list[Watched]:
        """Return what is known of every contract of a calibration, strictest first.

        Raises:
            StoreError: the file cannot be read.
        """
        try:
            with self._database.lock:
                rows = (
                    self._database.connection()
                    .execute(
                        f"SELECT {WATCHED} FROM watch WHERE calibration = ? "  # noqa: S608 - a constant
                        "ORDER BY max_loss_rate, confidence DESC, topic",
                        (calibration,),
                    )
                    .fetchall()
                )
        except sqlite3.Error as error:
            self._database.note(error)
            raise self._unreadable(error) from error
        return [watched_of(row) for row in rows]

    def close(self) -> None:
        """Close the file; further calls fail."""
        self._database.close()

    def _unreadable(self, error: sqlite3.Error) -> StoreError:
        return StoreError(
            f"{self.path}: the watches cannot be read ({error}); try again",
            metadata={"file": str(self.path)},
        )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        """Hold the file's write lock from the first read on, so that nobody writes in between."""
        try:
            with self._database.transaction() as connection:
                yield connection.cursor()
        except sqlite3.Error as error:
            self._database.note(error)
            raise StoreError(
                f"{self.path}: the audit was not recorded ({error}); send it again",
                metadata={"file": str(self.path)},
            ) from error
