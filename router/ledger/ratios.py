"""Reports of how deployments count tokens, in SQLite: the last of each deployment and kind of text.

What is made of them is ``router.cost.ratio``. A report that is lost does no harm: the ratio then
rests on one less, so nothing here waits for the disk.
"""

import json
import logging
import math
import sqlite3
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from router.cost.ratio import LearntRatios, RatioWindow, ratios_of
from router.cost.tokens import TextKind
from router.errors import StoreError
from router.ledger.database import Database

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


class CountReport(NamedTuple):
    """Tokens of one text: estimated before any ratio, and reported by the provider, each > 0."""

    deployment: str
    kind: TextKind
    estimated: int
    reported: int


class RatioStore:
    """A table in an SQLite file. Safe from several threads and several processes.

    Args:
        path: Created when absent; may be the file of recorded outcomes. Its directory must exist.
        must_open: Whether a file that cannot be used now, or holds a row that is none of ours, is
            refused; else nothing is known until it can be used, and such a row is written over.

    Attributes:
        learnt: What the reports say; changes with every report made here. Those of other processes
            are seen with the next report on the same deployment, or by ``look_again``.

    Raises:
        StoreError: see ``must_open``; always for a directory that is not there.
    """

    def __init__(self, path: Path, *, must_open: bool = True) -> None:
        self.learnt = LearntRatios()
        self._is_strict = must_open  # while opening
        self._is_failing = False
        self._known: dict[str, list[tuple[int, str]]] = {}
        self._database = Database(
            path,
            _make_table,
            version=None,
            patience_seconds=_PATIENCE_SECONDS,
            purpose="a store of token ratios",
            must_open=must_open,
        )
        try:
            self._load()
        except (sqlite3.Error, ValueError, TypeError) as error:
            if must_open:
                self._database.close()
                raise StoreError(
                    f"{path}: cannot be used as a store of token ratios ({error}); give a writable "
                    "path whose directory exists, or another file",
                    metadata={"file": str(path)},
                ) from error
            self._lost(error)
        self._is_strict = False

    def report(self, reports: Sequence[CountReport]) -> bool:
        """Count reports in one commit, and let later estimates follow them; may wait.

        A file that is busy, full or damaged costs the reports and is logged; it raises nothing.

        Returns:
            Whether they were kept.
        """
        try:
            with self._database.transaction() as connection:
                windows: dict[str, RatioWindow] = {}
                for name, kind, estimated, reported in reports:
                    window = windows.get(name) or self._window(_rows(connection, name), name)
                    windows[name] = window.with_report(kind, math.log(reported / estimated))
                connection.executemany(
                    "INSERT OR REPLACE INTO token_ratio VALUES (?, ?, ?)",
                    [
                        (name, kind.value, json.dumps(windows[name].logs[kind]))
                        for name, kind in {(one.deployment, one.kind) for one in reports}
                    ],
                )
            for name, window in windows.items():
                self.learnt.replace(name, ratios_of(window))
        except sqlite3.Error as error:
            self._lost(error)
            return False
        self._is_failing = False
        self._database.note(None)
        return True

    def look_again(self) -> None:
        """Take over what other processes learnt, if the file was written to; may wait.

        A file that cannot be read leaves what is known.
        """
        try:
            if self._database.changed():
                self._load()
        except sqlite3.Error as error:
            self._database.note(error)

    def close(self) -> None:
        """Close the file; later reports are lost."""
        self._database.close()

    def _load(self) -> None:
        with self._database.lock:
            rows = self._database.connection().execute(
                "SELECT deployment, kind, logs FROM token_ratio ORDER BY deployment, kind"
            )
            found: dict[str, list[tuple[int, str]]] = {}
            for name, kind, logs in rows.fetchall():
                found.setdefault(name, []).append((kind, logs))
            for name, ours in found.items():
                if ours != self._known.get(name):
                    self.learnt.replace(name, ratios_of(self._window(ours, name)))
            self._known = found

    def _window(self, rows: Iterable[tuple[int, str]], deployment: str) -> RatioWindow:
        try:
            return RatioWindow(
                {TextKind(kind): tuple(map(float, json.loads(logs))) for kind, logs in rows}
            )
        except (ValueError, TypeError) as error:
            if self._is_strict:
                raise
            logger.warning(
                "%s: token ratios of %s begin anew (%s)", self._database.path, deployment, error
            )
            return RatioWindow()

    def _lost(self, error: Exception) -> None:
        if isinstance(error, sqlite3.Error):
            self._database.note(error)
        if not self._is_failing:  # told once, not for every report while a disk is full
            logger.warning("%s: reports of input tokens are lost (%s)", self._database.path, error)
        self._is_failing = True


def _make_table(connection: sqlite3.Connection) -> None:
    # A report may be lost, so none waits for the disk.
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(_SCHEMA)


def _rows(connection: sqlite3.Connection, deployment: str) -> list[tuple[int, str]]:
    return connection.execute(
        "SELECT kind, logs FROM token_ratio WHERE deployment = ?", (deployment,)
    ).fetchall()
