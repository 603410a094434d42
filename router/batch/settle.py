"""What results and failures do to jobs, inside one transaction of ``store``.

The first end of a job counts. What comes later, from an earlier file or from a call at once, is
told as repeated and changes nothing.
"""

import sqlite3
from collections import Counter
from collections.abc import Sequence

from router.batch.formats import Result
from router.errors import BatchError

_GIVEN_UP = "gave up after {failures} failures; the last: {error}"


def settle_batch(
    connection: sqlite3.Connection, file: str, results: Sequence[Result], now: float
) -> Counter[str]:
    """Record results of a file's jobs; a failure of a job counts once for each file it was in.

    Raises:
        BatchError: a result is of no job of the file.
    """
    outcomes = dict(
        connection.execute("SELECT custom_id, outcome FROM member WHERE file = ?", (file,))
    )
    counts: Counter[str] = Counter()
    for result in results:
        if result.custom_id not in outcomes:
            raise BatchError(
                f"{file}: holds no job {result.custom_id!r}, of which there is a result; nothing "
                "was recorded: give the batch id that the results belong to",
                metadata={"file": file, "custom_id": result.custom_id},
            )
        known = outcomes[result.custom_id]
        if known == "answered" or (known and result.answer is None):
            counts["repeated"] += 1
            continue
        outcome = "failed" if result.answer is None else "answered"
        outcomes[result.custom_id] = outcome
        _note(connection, file, result.custom_id, outcome)
        if result.answer is not None:
            counts[_done(connection, result, "batch", now)] += 1
        else:
            counts[_file_failed(connection, result, now)] += 1
    return counts


def settle_missing(
    connection: sqlite3.Connection, file: str, error: str, now: float
) -> Counter[str]:
    """Take every job of a file of which nothing has come back as failed."""
    names = connection.execute(
        "SELECT custom_id FROM member WHERE file = ? AND outcome IS NULL", (file,)
    ).fetchall()
    counts: Counter[str] = Counter()
    for (custom_id,) in names:
        _note(connection, file, custom_id, "failed")
        counts[_file_failed(connection, Result(custom_id, None, error), now)] += 1
    return counts


def settle_sync(
    connection: sqlite3.Connection, results: Sequence[Result], now: float
) -> Counter[str]:
    """Record results of jobs that were asked at once.

    Raises:
        BatchError: a result is of no job here.
    """
    counts: Counter[str] = Counter()
    for result in results:
        row = connection.execute(
            "SELECT state, handed_at FROM job WHERE custom_id = ?", (result.custom_id,)
        ).fetchone()
        if row is None:
            raise BatchError(
                f"there is no job {result.custom_id!r}, of which there is a result; nothing was "
                "recorded: give the store it was added to",
                metadata={"custom_id": result.custom_id},
            )
        if result.answer is not None:
            counts[_done(connection, result, "sync", now)] += 1
        elif row[0] == "sync" and row[1] is not None:
            counts[_failed(connection, result, now)] += 1
        else:
            counts["repeated"] += 1
    return counts


def _note(connection: sqlite3.Connection, file: str, custom_id: str, outcome: str) -> None:
    connection.execute(
        "UPDATE member SET outcome = ? WHERE file = ? AND custom_id = ?",
        (outcome, file, custom_id),
    )


def _done(connection: sqlite3.Connection, result: Result, way: str, now: float) -> str:
    written = connection.execute(
        "UPDATE job SET state = 'done', answer = ?, error = NULL, entry = NULL, ended_at = ?, "
        "answered_by = ? WHERE custom_id = ? AND ended_at IS NULL",
        (result.answer, now, way, result.custom_id),
    ).rowcount
    return "answered" if written else "repeated"


def _file_failed(connection: sqlite3.Connection, result: Result, now: float) -> str:
    """Count the failure, unless the job has ended or is asked at once meanwhile."""
    (state,) = connection.execute(
        "SELECT state FROM job WHERE custom_id = ?", (result.custom_id,)
    ).fetchone()
    return _failed(connection, result, now) if state == "filed" else "repeated"


def _failed(connection: sqlite3.Connection, result: Result, now: float) -> str:
    """Put a job that failed to where it is tried again, or give it up."""
    (failures, most, fall_back_at) = connection.execute(
        "UPDATE job SET failures = failures + 1, file = NULL, handed_at = NULL "
        "WHERE custom_id = ? RETURNING failures, most_failures, fall_back_at",
        (result.custom_id,),
    ).fetchone()
    if result.is_final or failures >= most:
        connection.execute(
            "UPDATE job SET state = 'failed', error = ?, entry = NULL, ended_at = ? "
            "WHERE custom_id = ?",
            (_GIVEN_UP.format(failures=failures, error=result.error), now, result.custom_id),
        )
        return "given up"
    is_due = fall_back_at is not None and fall_back_at <= now
    # One that was being asked at once stays so.
    connection.execute(
        "UPDATE job SET error = ?, due_at = coalesce(due_at, ?), "
        "state = CASE WHEN state = 'sync' OR ? THEN 'sync' ELSE 'waiting' END "
        "WHERE custom_id = ?",
        (result.error, now if is_due else None, is_due, result.custom_id),
    )
    return "again"
