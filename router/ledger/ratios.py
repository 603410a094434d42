"""Reports of how deployments count tokens, in SQLite: the last of each deployment and kind of text.

What is made of them is ``router.cost.ratio``. A report that is lost does no harm: the ratio then
rests on one less, so nothing here waits for the disk.
"""

import json
import logging
import math
import sqlite3
import threading
from pathlib import Path

from router.cost.ratio import LearntRatios, RatioWindow, ratios_of
from router.cost.tokens import TextKind
from router.errors import StoreError

logger = logging.getLogger("router.ledger")

_PATIENCE_SECONDS = 1.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS token_ratio (
    deployment TEXT NOT NULL,
    kind INTEGER NOT NULL,
    logs TEXT NOT NULL,
    PRIMARY KEY (deployment, kind)
) STRICT, WITHOUT ROWID
"""


class RatioStore:
    """A table in an SQLite file. Safe from several threads and several processes.

    Args:
        path: Created when absent; may be the file of recorded outcomes. Its directory must exist.

    Attributes:
        learnt: What the reports say; changes with every report made here. Those of other processes
            are seen with the next report on the same deployment, or at the next start.

    Raises:
        StoreError: the file cannot be opened, is not SQLite, or holds a row that is none of ours.
    """

    def __init__(self, path: Path) -> None:
        self.learnt = LearntRatios()
        self._path = path
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                path, timeout=_PATIENCE_SECONDS, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute("PRAGMA synchronous = NORMAL")
            self._connection.execute(_SCHEMA)
            names = self._connection.execute("SELECT DISTINCT deployment FROM token_ratio")
            for (deployment,) in names.fetchall():
                self.learnt.replace(deployment, ratios_of(self._window(deployment)))
        except (sqlite3.Error, ValueError, TypeError) as error:
            raise StoreError(
                f"{path}: cannot be used as a store of token ratios ({error}); give a writable "
                "path whose directory exists, or another file",
                metadata={"file": str(path)},
            ) from error

    def report(self, deployment: str, kind: TextKind, estimated: int, reported: int) -> None:
        """Count one report, and let later estimates follow it.

        A file that is busy or full costs the report and is logged; it raises nothing.

        Args:
            deployment: That counted.
            kind: Of the text.
            estimated: Tokens estimated before any ratio, > 0.
            reported: Tokens the provider reported, > 0.
        """
        try:
            with self._lock:
                self._connection.execute("BEGIN IMMEDIATE")
                try:
                    window = self._window(deployment).with_report(
                        kind, math.log(reported / estimated)
                    )
                    self._connection.execute(
                        "INSERT OR REPLACE INTO token_ratio VALUES (?, ?, ?)",
                        (deployment, kind.value, json.dumps(window.logs[kind])),
                    )
                    self._connection.execute("COMMIT")
                except BaseException:
                    self._connection.execute("ROLLBACK")
                    raise
                self.learnt.replace(deployment, ratios_of(window))
        except sqlite3.Error as error:
            logger.warning("%s: a report of input tokens is lost (%s)", self._path, error)

    def close(self) -> None:
        """Close the file; later reports are lost."""
        with self._lock:
            self._connection.close()

    def _window(self, deployment: str) -> RatioWindow:
        rows = self._connection.execute(
            "SELECT kind, logs FROM token_ratio WHERE deployment = ?", (deployment,)
        ).fetchall()
        return RatioWindow(
            {TextKind(kind): tuple(map(float, json.loads(logs))) for kind, logs in rows}
        )
