"""Tables of audits and watches, and how a file of an older release gets the columns of this one."""

import sqlite3

_WATCH = """
CREATE TABLE IF NOT EXISTS {name} (
    id INTEGER PRIMARY KEY,
    calibration TEXT NOT NULL,
    max_loss_rate REAL NOT NULL,
    confidence REAL NOT NULL,
    topic TEXT NOT NULL,
    reviewed INTEGER NOT NULL,
    level REAL NOT NULL,
    started_unix REAL NOT NULL,
    suspended_unix REAL,
    audits INTEGER NOT NULL,
    known INTEGER NOT NULL,
    lost INTEGER NOT NULL,
    evidence REAL NOT NULL,
    lower_bound REAL NOT NULL,
    settled INTEGER NOT NULL,
    state TEXT NOT NULL,
    UNIQUE (calibration, max_loss_rate, confidence, topic, reviewed)
) STRICT
"""
_AUDIT = """
CREATE TABLE IF NOT EXISTS audit (
    decision_id TEXT PRIMARY KEY,
    watch INTEGER NOT NULL REFERENCES watch (id),
    position INTEGER NOT NULL,
    drawn_unix REAL NOT NULL,
    probability REAL NOT NULL,
    artifact_version TEXT NOT NULL,
    terms TEXT NOT NULL,
    tier TEXT NOT NULL,
    top_tier TEXT NOT NULL,
    adequate_quality REAL NOT NULL,
    quality REAL,
    top_quality REAL,
    loss REAL,
    UNIQUE (watch, position)
) STRICT, WITHOUT ROWID
"""


def make_tables(connection: sqlite3.Connection) -> None:
    """Make the tables where there are none, and give watches without a topic an empty one.

    A watch must outlive a release: one begun anew would spend its confidence again.

    Args:
        connection: In autocommit mode.

    Raises:
        sqlite3.Error: nothing was changed.
    """
    if "topic" in _columns(connection, "watch") and _columns(connection, "audit"):
        return  # nothing to write, so no other process is waited for
    connection.execute("BEGIN IMMEDIATE")
    try:
        columns = _columns(connection, "watch")
        if columns and "topic" not in columns:
            # A unique key can only be changed by copying.
            connection.execute(_WATCH.format(name="watch_with_topic"))
            connection.execute(
                "INSERT INTO watch_with_topic SELECT id, calibration, max_loss_rate, confidence, "
                "'', 0, 1.0 - confidence, started_unix, suspended_unix, audits, known, lost, "
                "evidence, lower_bound, settled, state FROM watch"
            )
            connection.execute("DROP TABLE watch")
            connection.execute("ALTER TABLE watch_with_topic RENAME TO watch")
        connection.execute(_WATCH.format(name="watch"))
        connection.execute(_AUDIT)
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise


def _columns(connection: sqlite3.Connection, table: str) -> set[str]:
    return {row[1] for row in connection.execute(f"PRAGMA table_info({table})")}
