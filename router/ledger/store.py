"""Recorded outcomes in a local SQLite file, durable before they are acknowledged.

Here are writing and reading of outcomes. An outcome may belong to a decision another replica made,
so the decision id is kept as given and not looked up.
"""

import json
import sqlite3
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

from router.errors import RouterError, StoreError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS outcome (
    request_id TEXT PRIMARY KEY,
    decision_id TEXT NOT NULL,
    recorded_at_unix REAL NOT NULL,
    content TEXT NOT NULL
) STRICT, WITHOUT ROWID
"""
_SCHEMA_VERSION = 1


class OutcomeConflictError(RouterError):
    """The same request id was recorded before with other content."""

    code = "ALREADY_EXISTS"
    default_reason = "OUTCOME_CONFLICT"


@dataclass(frozen=True, slots=True)
class RecordedOutcome:
    """What a caller reported of one decision; None where nothing was said.

    Attributes:
        decision_id: As ``Route`` gave it.
        request_id: Idempotency key.
        quality: in [0, 1].
        input_tokens: reported by the provider, >= 0.
        output_tokens: reported by the provider, >= 0.
        latency_ms: >= 0.
        deployment: id of the deployment that answered; empty for the one decided.
    """

    decision_id: str
    request_id: str
    quality: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    latency_ms: float | None = None
    deployment: str = ""


class OutcomeStore:
    """An SQLite file of outcomes. Safe from several threads and several processes.

    Args:
        path: Created when absent, with its table; its directory must exist.

    Raises:
        StoreError: the file cannot be opened, is not SQLite, or is of another schema version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = threading.Lock()
        try:
            self._connection = sqlite3.connect(
                path, timeout=5.0, isolation_level=None, check_same_thread=False
            )
            self._connection.execute("PRAGMA journal_mode = WAL")
            # FULL: the write-ahead log is on disk before a commit returns.
            self._connection.execute("PRAGMA synchronous = FULL")
            version = int(self._connection.execute("PRAGMA user_version").fetchone()[0])
            if version not in (0, _SCHEMA_VERSION):
                raise StoreError(
                    f"{path}: schema version {version}; this release reads {_SCHEMA_VERSION}: "
                    "give another file",
                    metadata={"file": str(path)},
                )
            self._connection.execute(_SCHEMA)
            self._connection.execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        except sqlite3.Error as error:
            raise StoreError(
                f"{path}: cannot be used as an outcome store ({error}); give a writable path whose "
                "directory exists, or another file",
                metadata={"file": str(path)},
            ) from error

    def record(self, outcome: RecordedOutcome) -> bool:
        """Make an outcome durable; return True when it was recorded before.

        Raises:
            OutcomeConflictError: its request id was recorded with other content.
            StoreError: it could not be made durable; nothing is recorded.
        """
        content = json.dumps(asdict(outcome), sort_keys=True)
        try:
            with self._lock:
                written = self._connection.execute(
                    "INSERT INTO outcome VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
                    (outcome.request_id, outcome.decision_id, time.time(), content),
                ).rowcount
                known = self._connection.execute(
                    "SELECT content FROM outcome WHERE request_id = ?", (outcome.request_id,)
                ).fetchone()
        except sqlite3.Error as error:
            raise StoreError(
                f"{self.path}: the outcome was not recorded ({error}); send it again",
                metadata={"file": str(self.path)},
            ) from error
        if written == 0 and known[0] != content:
            raise OutcomeConflictError(
                f"request_id {outcome.request_id!r} was recorded before with other content; use a "
                "new request_id for a new outcome",
                metadata={"request_id": outcome.request_id},
            )
        return written == 0

    def __iter__(self) -> Iterator[RecordedOutcome]:
        """Iterate over all outcomes in the order of their request ids."""
        with self._lock:
            rows = self._connection.execute("SELECT content FROM outcome").fetchall()
        return (RecordedOutcome(**json.loads(content)) for (content,) in rows)

    def close(self) -> None:
        """Close the file; further calls fail."""
        with self._lock:
            self._connection.close()
