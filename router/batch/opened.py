"""An SQLite file of deferred jobs, opened, with its transactions. What is in it is ``schema``."""

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from router.batch.schema import VERSION, make_tables
from router.errors import StoreError
from router.ledger.database import Database

_PATIENCE_SECONDS = 10.0


class OpenedFile:
    """A file of jobs. Safe from several processes.

    Args:
        path: Created when absent, readable by its owner only; its directory must exist.
        open_database: Opens it; tests and simulations put crashes in.

    Raises:
        StoreError: the file cannot be opened, is not SQLite, or is of another schema version.
    """

    def __init__(self, path: Path, open_database: Callable[..., Database] = Database) -> None:
        self.path = path
        with suppress(OSError):  # the database says it better
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._database = open_database(
            path,
            make_tables,
            version=VERSION,
            patience_seconds=_PATIENCE_SECONDS,
            purpose="a store of deferred jobs",
        )

    def close(self) -> None:
        """Close the file; further calls fail."""
        self._database.close()

    @contextmanager
    def changing(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for one transaction: all of it is kept, or nothing.

        Raises:
            StoreError: the file cannot be written; nothing was changed.
        """
        with self._told(), self._database.transaction() as connection:
            yield connection

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Give the connection for a look.

        Raises:
            StoreError: the file cannot be read.
        """
        with self._told(), self._database.lock:
            yield self._database.connection()

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path}: nothing was changed ({error}); try again",
                metadata={"file": str(self.path)},
            ) from error
