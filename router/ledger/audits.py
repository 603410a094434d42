"""Audits of contracts and the watches they feed, in SQLite, each change in one transaction.

A watch is one monitor of one contract under one calibration; its state is written together with
the audit that moved it, so that no crash counts an audit twice or loses one, and no restart begins
a watch anew, which would spend its confidence again. What an audit means is
``router.promise.audit``; who is drawn, and what a suspended contract leads to, is the server's.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from router.errors import StoreError
from router.ledger.audit_records import DrawnAudit, Reported, Watched
from router.ledger.watch_rows import WATCHED, draw, report, watched_of
from router.ledger.watch_schema import make_tables

_PATIENCE_SECONDS = 1.0


class AuditStore:
    """Tables in an SQLite file. Safe from several threads and several processes.

    Args:
        path: Created when absent; may be the file of recorded outcomes. Its directory must exist.

    Raises:
        StoreError: the file cannot be opened or is not SQLite.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            # FULL: the write-ahead log is on disk before a commit returns.
            self._connection.execute("PRAGMA synchronous = FULL")
            make_tables(self._connection)
        except sqlite3.Error as error:
            raise StoreError(
                f"{path}: cannot be used as a store of audits ({error}); give a writable path "
                "whose directory exists, or another file",
                metadata={"file": str(path)},
            ) from error

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
            with self._lock:
                rows = self._connection.execute(
                    f"SELECT {WATCHED} FROM watch WHERE calibration = ? "  # noqa: S608 - a constant
                    "ORDER BY max_loss_rate, confidence DESC, topic",
                    (calibration,),
                ).fetchall()
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path}: the watches cannot be read ({error}); try again",
                metadata={"file": str(self.path)},
            ) from error
        return [watched_of(row) for row in rows]

    def close(self) -> None:
        """Close the file; further calls fail."""
        with self._lock:
            self._connection.close()

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Cursor]:
        """Hold the file's write lock from the first read on, so that nobody writes in between."""
        try:
            with self._lock:
                cursor = self._connection.cursor()
                cursor.execute("BEGIN IMMEDIATE")
                try:
                    yield cursor
                    cursor.execute("COMMIT")
                except BaseException:
                    cursor.execute("ROLLBACK")
                    raise
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path}: the audit was not recorded ({error}); send it again",
                metadata={"file": str(self.path)},
            ) from error
