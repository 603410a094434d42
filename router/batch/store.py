"""Deferred jobs in an SQLite file, each change in one transaction.

A crash between any two steps leaves what the next call goes on with: a job's entry stays until its
one end is recorded. What a result means is ``settle``; files are ``files``, ``outbox`` and
``collect``.
"""

import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from router.batch.files import FileStore
from router.batch.formats import Result
from router.batch.jobs import Job
from router.batch.settle import settle_sync
from router.batch.times import Wait
from router.errors import BatchError


class Due(NamedTuple):
    """A job to be asked at once."""

    custom_id: str
    deployment: str
    entry: str
    needed_by: float | None


class Ended(NamedTuple):
    """A job that has ended: its answer as JSON, or the error it was given up with."""

    custom_id: str
    deployment: str
    answer: str | None
    error: str | None
    is_late: bool


class JobStore(FileStore):
    """Jobs and their files; arguments and errors are those of ``OpenedFile``."""

    def add(self, jobs: Sequence[Job], most_failures: int, now: float) -> Counter[str]:
        """Keep jobs, all or none; count those "added" and those "known" already.

        Args:
            jobs: To be kept.
            most_failures: After so many failures a job is given up, >= 1.
            now: Seconds since 1970.

        Raises:
            BatchError: a custom_id is known with other content.
        """
        counts: Counter[str] = Counter()
        with self.changing() as connection:
            for job in jobs:
                written = connection.execute(
                    "INSERT INTO job (custom_id, deployment, entry, given_sha256, needed_by, "
                    "fall_back_at, most_failures, added_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
                    "ON CONFLICT DO NOTHING",
                    (*job, most_failures, now),
                ).rowcount
                if not written and job.given_sha256 != _given(connection, job.custom_id):
                    raise BatchError(
                        f"custom_id {job.custom_id!r} was added before with other content; "
                        "nothing was added: use a new custom_id for a new job",
                        reason="BATCH_CONFLICT",
                        metadata={"custom_id": job.custom_id},
                    )
                counts["added" if written else "known"] += 1
        return counts

    def sync_results(self, results: Sequence[Result], now: float) -> Counter[str]:
        """Record results of jobs that ``due`` handed over.

        Raises:
            BatchError: a result is of no job here.
        """
        with self.changing() as connection:
            return settle_sync(connection, results, now)

    def due(self, now: float, within_seconds: float, again_after_seconds: float) -> list[Due]:
        """Hand over the jobs that must be asked at once.

        Args:
            now: Seconds since 1970.
            within_seconds: Jobs whose fall-back point comes so soon are due as well.
            again_after_seconds: A job that was handed over so long ago and has no result is handed
                over again.
        """
        with self.changing() as connection:
            connection.execute(
                "UPDATE job SET state = 'sync', file = NULL, due_at = ? "
                "WHERE state IN ('waiting', 'filed') AND fall_back_at <= ?",
                (now, now + within_seconds),
            )
            rows = connection.execute(
                "UPDATE job SET handed_at = ? WHERE state = 'sync' "
                "AND (handed_at IS NULL OR handed_at <= ? OR handed_at > ?) "
                "RETURNING custom_id, deployment, entry, needed_by",
                # One handed over in the future was so by a clock that was wrong.
                (now, now - again_after_seconds, now + again_after_seconds),
            ).fetchall()
        return list(map(Due._make, rows))

    def counts(self, now: float) -> dict[tuple[str, str], int]:
        """Return how many jobs each deployment has in each state, "late" and "overdue" among them.

        Late jobs were done after they were needed; overdue ones are not done and needed by now.
        """
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT deployment, state, count(*), sum(ended_at > needed_by), "
                "sum(ended_at IS NULL AND needed_by < ?) FROM job GROUP BY deployment, state",
                (now,),
            ).fetchall()
        found: Counter[tuple[str, str]] = Counter()
        for deployment, state, jobs, late, overdue in rows:
            found[deployment, state] += jobs
            found[deployment, "late"] += late or 0 if state == "done" else 0
            found[deployment, "overdue"] += overdue or 0
        return found

    def waits(self, now: float) -> list[Wait]:
        """Return how long every job has waited, for a batch and, once it was due, at once."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT deployment, 'batch', "
                "coalesce(due_at, ended_at, ?) - added_at, coalesce(answered_by = 'batch' "
                "AND due_at IS NULL, 0) FROM job UNION ALL SELECT deployment, 'sync', "
                "coalesce(ended_at, ?) - due_at, coalesce(answered_by = 'sync', 0) "
                "FROM job WHERE due_at IS NOT NULL",
                (now, now),
            ).fetchall()
        return [Wait(name, way, seconds, bool(is_over)) for name, way, seconds, is_over in rows]

    def ended(self) -> Iterator[Ended]:
        """Return every job that has ended and is not forgotten, in the order it was added."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT custom_id, deployment, answer, error, coalesce(ended_at > needed_by, 0) "
                "FROM job WHERE ended_at IS NOT NULL AND (answer IS NOT NULL OR error IS NOT NULL) "
                "ORDER BY place"
            ).fetchall()
        return (
            Ended(custom_id, deployment, answer, error, bool(is_late))
            for custom_id, deployment, answer, error, is_late in rows
        )

    def forget(self, custom_ids: Sequence[str]) -> int:
        """Delete answers and errors of jobs that have ended; return how many there were."""
        with self.changing() as connection:
            return sum(
                connection.execute(
                    "UPDATE job SET answer = NULL, error = NULL WHERE custom_id = ? "
                    "AND ended_at IS NOT NULL AND (answer IS NOT NULL OR error IS NOT NULL)",
                    (custom_id,),
                ).rowcount
                for custom_id in custom_ids
            )


def _given(connection: sqlite3.Connection, custom_id: str) -> str:
    (digest,) = connection.execute(
        "SELECT given_sha256 FROM job WHERE custom_id = ?", (custom_id,)
    ).fetchone()
    return str(digest)
