"""What came of a run, read from the store's own file and from who was paid."""

import sqlite3
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.arrays import BoolArray, FloatArray, StrArray
from eval.deferred.jobs import Drawn
from eval.deferred.provider import Provider

_LOG = """
CREATE TABLE IF NOT EXISTS end_log (custom_id TEXT, answer TEXT);
CREATE TRIGGER IF NOT EXISTS log_ends AFTER UPDATE OF ended_at, answer ON job
WHEN NEW.ended_at IS NOT NULL AND (OLD.ended_at IS NOT NEW.ended_at OR OLD.answer IS NOT NEW.answer)
BEGIN INSERT INTO end_log VALUES (NEW.custom_id, NEW.answer); END;
"""


@dataclass(frozen=True, slots=True)
class Run:
    """What came of a run.

    Attributes:
        jobs: Kept.
        drawn: Drawn, those for which a batch is not the cheapest way included.
        lost: Have no end.
        doubled: Have more than one, or another job's answer.
        given_up: Ended without an answer.
        kept_prompts: Whose body is still stored.
        missed: Not answered when needed, those given up included.
        by_batch: Answered by a batch.
        sent_again: Files sent a second time.
        crashes: Process deaths.
        paid_usd: (jobs,) batch rows and calls at once.
        sync_usd: (jobs,) had it been asked at once.
        expected_usd: (jobs,) as the router expected.
        asked_at_once: (jobs,) whether it was, and paid.
        files: (jobs,) first file of each job; results of a file come together.
    """

    jobs: int
    drawn: int
    lost: int
    doubled: int
    given_up: int
    kept_prompts: int
    missed: int
    by_batch: int
    sent_again: int
    crashes: int
    paid_usd: FloatArray
    sync_usd: FloatArray
    expected_usd: FloatArray
    asked_at_once: BoolArray
    files: StrArray


def log_ends(path: Path) -> None:
    """Have the store's file itself log every end of a job, whoever writes it."""
    connection = sqlite3.connect(path)
    connection.executescript(_LOG)
    connection.close()


def measured(
    path: Path,
    jobs: Sequence[Drawn],
    n_drawn: int,
    providers: Sequence[Provider],
    paid_sync_usd: Mapping[str, float],
    crashes: int,
) -> Run:
    """Return what came of a run.

    Args:
        path: Of the store, closed.
        jobs: That were kept.
        n_drawn: As in ``Run``.
        providers: Who answered batches.
        paid_sync_usd: For calls at once, by job.
        crashes: As in ``Run``.
    """
    by_id, paid_usd = {one.job.custom_id: one for one in jobs}, dict(paid_sync_usd)
    connection = sqlite3.connect(path)
    ends = connection.execute("SELECT custom_id, answer FROM end_log").fetchall()
    states = connection.execute(
        "SELECT custom_id, state, entry IS NULL, ended_at <= needed_by FROM job"
    ).fetchall()
    first = dict(
        connection.execute(
            "SELECT custom_id, min(place) FROM member JOIN file ON name = file GROUP BY custom_id"
        )
    )
    connection.close()
    for provider in providers:
        for custom_id in provider.billed:
            paid_usd[custom_id] += by_id[custom_id].batch_usd
    times = Counter(custom_id for custom_id, _ in ends)
    named = [f'"{custom_id}"' in (answer or f'"{custom_id}"') for custom_id, answer in ends]
    return Run(
        jobs=len(jobs),
        drawn=n_drawn,
        lost=sum(times[custom_id] == 0 for custom_id in by_id),
        doubled=sum(count > 1 for count in times.values()) + named.count(False),
        given_up=sum(state == "failed" for _, state, _, _ in states),
        kept_prompts=sum(not is_gone for _, _, is_gone, _ in states),
        missed=sum(not (state == "done" and in_time) for _, state, _, in_time in states),
        by_batch=sum('"way":"batch"' in (answer or "") for _, answer in ends),
        sent_again=sum(one.sent_again for one in providers),
        crashes=crashes,
        paid_usd=np.array([paid_usd[one.job.custom_id] for one in jobs]),
        sync_usd=np.array([one.sync_usd for one in jobs]),
        expected_usd=np.array([one.expected_usd for one in jobs]),
        asked_at_once=np.array([paid_sync_usd[one.job.custom_id] > 0.0 for one in jobs]),
        files=np.array([str(first.get(one.job.custom_id, "")) for one in jobs]),
    )
