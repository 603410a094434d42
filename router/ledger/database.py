"""One connection to an SQLite file that may be out of order for a while.

A file that cannot be opened now is tried again when it is next needed, at most once a second, so
that a full disk or a damaged file stops what needs the file and nothing else. What is a mistake
of whoever configured it, a directory that is missing or given as the file, or a file of a later
release, is refused at once.
"""

import logging
import math
import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from router.errors import StoreError
from router.ledger.moved import (
    INDEX,
    LOG,
    FileLostError,
    Identity,
    alone_in,
    beside,
    identity_of,
    let_go,
    make_way,
)

_TRY_AGAIN_SECONDS = 1.0
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_IOERR}

logger = logging.getLogger("router.ledger")


class Database:
    """A connection with its lock. Safe from several threads.

    Args:
        path: Created when absent; its directory must exist.
        make_tables: Makes what is absent, on a connection in autocommit mode.
        version: Of the schema, kept in the file; None for tables that are guests in it.
        patience_seconds: How long to wait for another process that writes.
        purpose: What it is to be used as, for messages.
        must_open: Whether a file that cannot be used now is refused, too.

    Attributes:
        lock: Held by whoever uses the connection.
        failing: Why it could not be used when it was last tried; None while all is well.
        lost: How often the open file was found to be no longer at its path.

    Raises:
        StoreError: see ``must_open``; always for a directory that is not there, for one given as
            the file, and for a file of another schema version.
    """

    def __init__(
        self,
        path: Path,
        make_tables: Callable[[sqlite3.Connection], object],
        *,
        version: int | None,
        patience_seconds: float,
        purpose: str,
        must_open: bool = True,
    ) -> None:
        self.path = path
        self.lock = threading.Lock()
        self.failing: str | None = None
        self.lost = 0
        self._make_tables = make_tables
        self._version = version
        self._patience_seconds = patience_seconds
        self._purpose = purpose
        self._connection: sqlite3.Connection | None = None
        self._real = path
        self._files: tuple[Identity | None, ...] = ()  # the file, its log and its index, as opened
        self._tried = 0.0
        self._seen: int | None = None
        try:
            self._connection = self._open()
        except sqlite3.Error as error:
            if must_open or path.is_dir() or not path.parent.is_dir():
                raise self._refused(error) from error
            self._note(error)

    def connection(self) -> sqlite3.Connection:
        """Return the connection, opened again if need be; the caller holds ``lock``.

        Raises:
            sqlite3.Error: it cannot be opened now, or could not less than a second ago; or the open
                file was lost, and the next use opens another.
        """
        self.check_place()
        if self._connection is None:
            if self.failing and time.monotonic() - self._tried < _TRY_AGAIN_SECONDS:
                raise sqlite3.OperationalError(self.failing)
            try:
                self._connection = self._open()
            except StoreError as error:
                raise sqlite3.OperationalError(error.message) from error
        return self._connection

    def check_place(self) -> None:
        """Return if the open file is still at its path, or none is open; the caller holds ``lock``.

        Raises:
            FileLostError: it is not; it was let go of.
            sqlite3.OperationalError: it cannot be told.
        """
        if self._connection is None:
            return
        try:
            if identity_of(self.path) == self._files[0]:
                return
        except OSError as error:
            raise sqlite3.OperationalError(str(error)) from error
        connection, self._connection, self._tried = self._connection, None, -math.inf
        self.lost += 1
        with alone_in(self._real.parent):
            let_go(connection, self._real, *self._files)
        lost = FileLostError()
        logger.error("%s, %s: %s; a new one is made", self.path, self._purpose, lost)
        raise lost

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the file's write lock from the first read on; commit at the end, or undo all.

        Raises:
            sqlite3.Error: nothing is durable in the file at ``path``.
        """
        with self.lock:
            connection = self.connection()
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
            self.check_place()

    def note(self, error: sqlite3.Error | None) -> None:
        """Keep in mind how the last use ended; a damaged file is opened anew at the next.

        Args:
            error: None after a success.
        """
        with self.lock:
            if error is None:
                self.failing = None
            else:
                self._note(error)

    def changed(self) -> bool:
        """Tell whether another connection has written since this was last asked.

        Raises:
            sqlite3.Error: the file cannot be read.
        """
        with self.lock:
            (version,) = self.connection().execute("PRAGMA data_version").fetchone()
        was, self._seen = self._seen, version
        return bool(was != version)

    def close(self) -> None:
        """Close the file; further use fails."""
        with self.lock:
            try:
                self.check_place()
            except sqlite3.Error as error:
                self._note(error)
            if self._connection is not None:
                self._connection.close()

    def _open(self) -> sqlite3.Connection:
        self._tried, self._seen = time.monotonic(), None
        self._real = Path(os.path.realpath(self.path))  # where SQLite keeps what is beside it
        with alone_in(self._real.parent):
            try:
                make_way(self._real)
            except OSError as error:
                raise sqlite3.OperationalError(str(error)) from error
            connection = self._opened()
            try:
                self._files = tuple(
                    identity_of(beside(self._real, suffix)) for suffix in ("", LOG, INDEX)
                )
            except OSError as error:
                connection.close()
                raise sqlite3.OperationalError(str(error)) from error
        return connection

    def _opened(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self.path,
            timeout=self._patience_seconds,
            isolation_level=None,
            check_same_thread=False,
        )
        try:
            connection.execute("PRAGMA journal_mode = WAL")
            # FULL: the write-ahead log is on disk before a commit returns.
            connection.execute("PRAGMA synchronous = FULL")
            if self._version is not None:
                found = int(connection.execute("PRAGMA user_version").fetchone()[0])
                if found not in (0, self._version):
                    raise StoreError(
                        f"{self.path}: schema version {found}; this release reads "
                        f"{self._version}: give another file",
                        metadata={"file": str(self.path)},
                    )
            self._make_tables(connection)
            if self._version is not None:
                connection.execute(f"PRAGMA user_version = {self._version}")
        except BaseException:
            connection.close()
            raise
        return connection

    def _note(self, error: sqlite3.Error) -> None:
        self.failing = str(error)
        code = getattr(error, "sqlite_errorcode", None)
        if code is not None and code & 0xFF in _DAMAGED and self._connection is not None:
            self._connection.close()
            self._connection = None

    def _refused(self, error: sqlite3.Error) -> StoreError:
        return StoreError(
            f"{self.path}: cannot be used as {self._purpose} ({error}); give a writable path whose "
            "directory exists, or another file",
            metadata={"file": str(self.path)},
        )
