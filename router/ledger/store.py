"""Recorded outcomes in a local SQLite file, durable before they are acknowledged.

Here are writing and reading of outcomes. An outcome may belong to a decision another replica made,
so the decision id is kept as given and not looked up.
"""

import json
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from router.errors import RouterError, StoreError
from router.ledger.database import Database

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
        must_open: Whether a file that cannot be used now is refused; else it is tried again when
            it is needed.

    Raises:
        StoreError: the file cannot be opened, is not SQLite, or is of another schema version.
    """

    def __init__(self, path: Path, *, must_open: bool = True) -> None:
        self.path = path
        self._database = Database(
            path,
            lambda connection: connection.execute(_SCHEMA),
            version=_SCHEMA_VERSION,
            patience_seconds=5.0,
            purpose="an outcome store",
            must_open=must_open,
        )

    @property
    def failing(self) -> str | None:
        """Why the file could not be used when it was last tried; None while all is well."""
        return self._database.failing

    @property
    def lost(self) -> int:
        """How often the open file was found to be moved away, replaced or deleted."""
        return self._database.lost

    def record(self, outcome: RecordedOutcome) -> bool:
        """Make an outcome durable; return True when it was recorded before.

        Raises:
            OutcomeConflictError: its request id was recorded with other content.
            StoreError: it could not be made durable; nothing is recorded.
        """
        (result,) = self.record_many([outcome])
        if isinstance(result, OutcomeConflictError):
            raise result
        return result

    def record_many(self, outcomes: Sequence[RecordedOutcome]) -> list[bool | OutcomeConflictError]:
        """Make outcomes durable in one commit; return of each what ``record`` says of it.

        Raises:
            StoreError: they could not be made durable; none is recorded.
        """
        database = self._database
        try:
            with database.transaction() as connection:
                results = [_insert(connection, outcome) for outcome in outcomes]
        except sqlite3.Error as error:
            database.note(error)
            raise StoreError(
                f"{self.path}: the outcome was not recorded ({error}); send it again",
                metadata={"file": str(self.path)},
            ) from error
        database.note(None)
        return results

    def probe(self) -> None:
        """Find out whether the file takes something again; ``failing`` tells the result."""
        try:
            with self._database.lock:
                # A write that changes nothing.
                self._database.connection().execute(f"PRAGMA user_version = {_SCHEMA_VERSION}")
        except sqlite3.Error as error:
            self._database.note(error)
        else:
            self._database.note(None)

    def look(self) -> None:
        """Find out, without writing, whether the file is where it was; ``failing`` tells."""
        try:
            with self._database.lock:
                self._database.check_place()
        except sqlite3.Error as error:
            self._database.note(error)

    def __iter__(self) -> Iterator[RecordedOutcome]:
        """Iterate over all outcomes in the order of their request ids."""
        with self._database.lock:
            rows = self._database.connection().execute("SELECT content FROM outcome").fetchall()
        return (RecordedOutcome(**json.loads(content)) for (content,) in rows)

    def close(self) -> None:
        """Close the file; further calls fail."""
        self._database.close()


def _insert(
    connection: sqlite3.Connection, outcome: RecordedOutcome
) -> bool | OutcomeConflictError:
    content = json.dumps(asdict(outcome), sort_keys=True)
    written = connection.execute(
        "INSERT INTO outcome VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING",
        (outcome.request_id, outcome.decision_id, time.time(), content),
    ).rowcount
    if written:
        return False
    (known,) = connection.execute(
        "SELECT content FROM outcome WHERE request_id = ?", (outcome.request_id,)
    ).fetchone()
    if known == content:
        return True
    return OutcomeConflictError(
        f"request_id {outcome.request_id!r} was recorded before with other content; use a "
        "new request_id for a new outcome",
        metadata={"request_id": outcome.request_id},
    )
