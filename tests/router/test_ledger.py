"""Outcomes are durable before they are acknowledged, whatever becomes of the process."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import StoreError
from router.ledger.store import OutcomeConflictError, OutcomeStore, RecordedOutcome

OUTCOME = RecordedOutcome("d1", "r1", 0.75, 12, 34, 567.5, "claude-3-haiku")
WRITER = """
import sys
from pathlib import Path
from router.ledger.store import OutcomeStore, RecordedOutcome
store = OutcomeStore(Path(sys.argv[1]))
for number in range(100_000):
    store.record(RecordedOutcome("d", f"{sys.argv[2]}-{number}", 0.5))
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outcomes.sqlite3"


def test_a_recorded_outcome_is_there_after_the_file_is_opened_again(path: Path) -> None:
    store = OutcomeStore(path)
    assert store.record(OUTCOME) is False
    store.close()
    assert list(OutcomeStore(path)) == [OUTCOME]


def test_the_same_outcome_twice_is_stored_once_and_called_a_duplicate(path: Path) -> None:
    store = OutcomeStore(path)
    assert [store.record(OUTCOME) for _ in range(3)] == [False, True, True]
    assert list(store) == [OUTCOME]


def test_another_outcome_under_the_same_request_id_is_refused(path: Path) -> None:
    store = OutcomeStore(path)
    store.record(OUTCOME)
    with pytest.raises(OutcomeConflictError, match="'r1' was recorded before with other content"):
        store.record(RecordedOutcome("d1", "r1", 0.5))
    assert list(store) == [OUTCOME]


@settings(max_examples=30, deadline=None)
@given(
    st.builds(
        RecordedOutcome,
        decision_id=st.text(min_size=1, max_size=20),
        request_id=st.text(min_size=1, max_size=20),
        quality=st.none() | st.floats(0.0, 1.0),
        input_tokens=st.none() | st.integers(0, 2**63 - 1),
        output_tokens=st.none() | st.integers(0, 2**63 - 1),
        latency_ms=st.none() | st.floats(0.0, 1e12),
        deployment=st.text(max_size=20),
    )
)
def test_an_outcome_is_read_as_it_was_written(outcome: RecordedOutcome) -> None:
    store = OutcomeStore(Path(":memory:"))
    assert store.record(outcome) is False
    assert store.record(outcome) is True
    assert list(store) == [outcome]


def test_two_processes_may_write_to_one_file(path: Path) -> None:
    first, second = OutcomeStore(path), OutcomeStore(path)
    first.record(OUTCOME)
    assert second.record(OUTCOME) is True


def test_every_acknowledged_outcome_survives_a_killed_writer(path: Path) -> None:
    for attempt in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(attempt)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        ) as writer:
            assert writer.stdout is not None
            for _ in range(5 + attempt):
                last = int(writer.stdout.readline())
            os.kill(writer.pid, signal.SIGKILL)
            # What was acknowledged between the last look and the kill counts as well.
            last = max([last, *map(int, writer.stdout.read().splitlines())])
        recorded = {outcome.request_id for outcome in OutcomeStore(path)}
        assert {f"{attempt}-{number}" for number in range(last + 1)} <= recorded


def test_a_writer_that_cannot_write_does_not_acknowledge(path: Path) -> None:
    store = OutcomeStore(path)
    store.close()
    with pytest.raises(StoreError, match=r"the outcome was not recorded .* send it again"):
        store.record(OUTCOME)
    assert list(OutcomeStore(path)) == []


def test_a_store_of_another_schema_is_left_as_it_was(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 7")
    connection.commit()
    connection.close()
    with pytest.raises(StoreError, match="schema version 7; this release reads 1"):
        OutcomeStore(path)
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA user_version").fetchone() == (7,)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()
