"""The tables of deferred jobs. A job's states: waiting, filed, sync, done, failed.

    waiting   for a batch file
    filed     in a file; ``job.file`` says in which
    sync      to be asked at once, by whoever calls ``due``
    done      answered; failed: given up. Both are final, and the entry is gone

``answered_by`` of a job that is done is batch or sync. A file's states: writing (its jobs are
fixed), ready (handed out), sent, ended, failed.
"""

import sqlite3

VERSION = 1
_SCHEMA = """
CREATE TABLE IF NOT EXISTS job (
    place INTEGER PRIMARY KEY,
    custom_id TEXT NOT NULL UNIQUE,
    deployment TEXT NOT NULL,
    given_sha256 TEXT NOT NULL,
    entry TEXT,
    needed_by REAL,
    fall_back_at REAL,
    state TEXT NOT NULL DEFAULT 'waiting',
    file TEXT,
    handed_at REAL,
    failures INTEGER NOT NULL DEFAULT 0,
    most_failures INTEGER NOT NULL,
    added_at REAL NOT NULL,
    due_at REAL,
    answered_by TEXT,
    answer TEXT,
    error TEXT,
    ended_at REAL
) STRICT;
CREATE INDEX IF NOT EXISTS job_by_state ON job (state, deployment, place);
CREATE TABLE IF NOT EXISTS file (
    place INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,
    deployment TEXT NOT NULL,
    form TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'writing',
    batch_id TEXT UNIQUE,
    is_on_disk INTEGER NOT NULL DEFAULT 1,
    directory TEXT
) STRICT;
CREATE TABLE IF NOT EXISTS member (
    file TEXT NOT NULL,
    custom_id TEXT NOT NULL,
    outcome TEXT,
    PRIMARY KEY (file, custom_id)
) STRICT, WITHOUT ROWID;
"""


def make_tables(connection: sqlite3.Connection) -> None:
    """Make what is absent. Deleted texts are overwritten in the file."""
    connection.execute("PRAGMA secure_delete = ON")
    connection.executescript(_SCHEMA)
    columns = {row[1] for row in connection.execute("PRAGMA table_info(file)")}
    if "directory" not in columns:  # a store from before it was kept; those read this one, too
        connection.execute("ALTER TABLE file ADD COLUMN directory TEXT")
