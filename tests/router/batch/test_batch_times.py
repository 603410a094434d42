"""Completion times observed: an estimate that knows which jobs were only watched for a while."""

import tomllib
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.batch.formats import Result
from router.batch.jobs import Job
from router.batch.store import JobStore
from router.batch.times import Wait, lines_of_completion, observed, points


def waits_of(seconds: list[float], answered: list[bool], way: str = "batch") -> list[Wait]:
    return [Wait("ours", way, *pair) for pair in zip(seconds, answered, strict=True)]


@given(st.lists(st.floats(1.0, 1e5), min_size=1, max_size=40))
def test_with_every_answer_seen_the_shares_are_those_counted(seconds: list[float]) -> None:
    for at, share in observed(waits_of(seconds, [True] * len(seconds))):
        assert share == pytest.approx(sum(one <= at for one in seconds) / len(seconds))


@given(st.lists(st.tuples(st.integers(1, 50), st.booleans()), min_size=1, max_size=40))
def test_shares_rise_and_stay_probabilities(drawn: list[tuple[int, bool]]) -> None:
    steps = observed([Wait("ours", "batch", float(at), is_over) for at, is_over in drawn])
    assert steps == sorted(steps)
    assert all(0.0 < share <= 1.0 for _, share in steps)


def test_jobs_that_fell_back_do_not_make_batches_look_fast() -> None:
    """Of exponential times cut at a random moment, plain counting is far off; this is not."""
    rng = np.random.default_rng(3)
    true, cut = rng.exponential(600.0, 20_000), rng.uniform(0.0, 1200.0, 20_000)
    answered = true <= cut
    waits = waits_of(np.minimum(true, cut).tolist(), answered.tolist())
    median = next(at for at, share in observed(waits) if share >= 0.5)
    assert median == pytest.approx(600.0 * np.log(2.0), rel=0.05)
    assert np.median(true[answered]) < 0.7 * median


def test_points_end_where_too_few_jobs_have_waited_longer() -> None:
    seconds = [float(at) for at in range(1, 101)]
    found = points(waits_of(seconds, [True] * 100))
    assert found == [(50.0, 0.5), (90.0, 0.9), (95.0, 0.95)]
    assert points(waits_of([1.0] * 3, [True] * 3)) == []


def test_points_at_one_time_are_one_point() -> None:
    waits = waits_of([60.0] * 97 + [900.0] * 100, [True] * 97 + [False] * 100)
    assert points(waits) == []
    waits = waits_of([60.0] * 97 + [900.0] * 5, [True] * 97 + [False] * 5)
    assert points(waits) == [(60.0, 0.95)]


def test_what_is_printed_reads_as_a_catalog_reads_it() -> None:
    waits = waits_of([float(at) for at in range(1, 101)], [True] * 100)
    waits += waits_of([1.0, 2.0], [True, False], "sync")
    text = "\n".join(lines_of_completion(waits, "jobs.sqlite3", date(2026, 11, 26)))
    (table,) = [tomllib.loads(text)["deployments"]["completion"]]
    assert table["batch"][0] == {"seconds": 50.0, "probability": 0.5}
    assert "# sync: too few jobs to tell" in text
    assert table["source"] == (
        "jobs.sqlite3: 1 answers of 2 jobs (sync), 100 answers of 100 jobs (batch)"
    )


def test_a_store_tells_how_long_its_jobs_waited_in_each_way(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite3")
    jobs = [Job(name, "ours", "{}", name, 500.0, 400.0) for name in ("one", "two")]
    jobs.append(Job("three", "ours", "{}", "three", None, None))
    store.add(jobs, 3, 100.0)
    store.due(400.0, 0.0, 600.0)
    store.sync_results([Result("one", "1")], 430.0)
    assert sorted(store.waits(1000.0)) == [
        Wait("ours", "batch", 300.0, is_answered=False),
        Wait("ours", "batch", 300.0, is_answered=False),
        Wait("ours", "batch", 900.0, is_answered=False),
        Wait("ours", "sync", 30.0, is_answered=True),
        Wait("ours", "sync", 600.0, is_answered=False),
    ]
    store.close()
