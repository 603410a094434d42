"""What a provider, a clock, a shell or an operator may do to deferred jobs harms none of them."""

import json
import sqlite3
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from router.batch.collect import collect, tidy
from router.batch.formats import Result, body_of, entry_of, read_results
from router.batch.jobs import Job, read_jobs
from router.batch.outbox import Outbox
from router.batch.store import JobStore
from router.catalog import load_catalog
from router.cli.main import main
from router.deferred.ways import BatchFile
from router.errors import BatchError

EXAMPLE = Path(__file__).resolve().parents[3] / "data" / "catalog.example.toml"
LIMITS = {"o": BatchFile("openai", "/v1/chat/completions", 10, 10_000)}
ASKED = {"max_tokens": 9, "messages": [{"role": "user", "content": "Say hello."}]}


def job(custom_id: str, fall_back_at: float | None = None) -> Job:
    entry = entry_of(custom_id, {"model": "m", "messages": ["kept from others"]}, LIMITS["o"])
    needed_by = None if fall_back_at is None else fall_back_at + 60.0
    return Job(custom_id, "o", entry, f"hash of {custom_id}", needed_by, fall_back_at)


@pytest.fixture
def store(tmp_path: Path):
    opened = JobStore(tmp_path / "jobs.sqlite3")
    yield opened
    opened.close()


def outbox(tmp_path: Path, name: str = "out") -> Outbox:
    (tmp_path / name).mkdir(exist_ok=True)
    return Outbox(tmp_path / name)


def ended(store: JobStore, tmp_path: Path) -> Path:
    """Send a file of one job and take in its answer; return where the file is."""
    store.add([job("one")], 3, 0.0)
    (path,) = collect(store, outbox(tmp_path), LIMITS, 0.0)
    store.sent(path.name, "b")
    store.results("b", [Result("one", "{}")], 1.0)
    return path


def test_a_file_is_deleted_where_it_was_written_from_wherever_that_is_asked(
    store: JobStore, tmp_path: Path
) -> None:
    path = ended(store, tmp_path)
    elsewhere = outbox(tmp_path, "elsewhere")
    of_another_store = elsewhere.directory / path.name
    of_another_store.write_text("jobs of another store", encoding="utf-8")
    tidy(store, elsewhere)
    assert not path.exists()
    assert of_another_store.exists()
    assert store.deletable() == []


def test_a_file_whose_directory_is_away_is_deleted_once_it_is_back(
    store: JobStore, tmp_path: Path
) -> None:
    path = ended(store, tmp_path)
    away = path.parent.rename(tmp_path / "away")
    tidy(store, outbox(tmp_path, "here"))
    assert (away / path.name).exists()
    away.rename(path.parent)
    tidy(store, outbox(tmp_path, "here"))
    assert not path.exists()


def test_a_file_that_was_moved_is_deleted_where_it_is_said_to_be(
    store: JobStore, tmp_path: Path
) -> None:
    path = ended(store, tmp_path)
    moved = outbox(tmp_path, "moved").directory / path.name
    path.rename(moved)
    tidy(store, Outbox(moved.parent, holds_all=True))
    assert not moved.exists()


def test_a_file_that_a_crash_left_half_written_is_not_left_behind_in_another_directory(
    store: JobStore, tmp_path: Path
) -> None:
    store.add([job("one")], 3, 0.0)
    first = outbox(tmp_path, "first")
    store.reserve(LIMITS, 0.0, first.place)
    (name,) = (file.name for file in store.files("writing"))
    first.write(name, ["what was there when the process died"])
    (path,) = collect(store, outbox(tmp_path, "second"), LIMITS, 1.0)
    assert path.parent.name == "second"
    assert list(first.directory.iterdir()) == []


def test_a_file_written_again_after_it_was_of_use_is_deleted_again(
    store: JobStore, tmp_path: Path
) -> None:
    class Slow(Outbox):
        """Writes after another process has written the same file, and all of its life is over."""

        def write(self, name: str, text: Iterable[str]) -> Path:
            other = JobStore(store.path)
            (path,) = collect(other, Outbox(self.directory), LIMITS, 0.0)
            other.sent(path.name, "b")
            other.results("b", [Result("one", "{}")], 1.0)
            tidy(other, Outbox(self.directory))
            other.close()
            return super().write(name, text)

    store.add([job("one")], 3, 0.0)
    directory = outbox(tmp_path).directory
    assert list(collect(store, Slow(directory), LIMITS, 0.0)) == []
    assert list(directory.iterdir()) == []


def test_a_store_of_before_directories_were_kept_goes_on(tmp_path: Path) -> None:
    store = JobStore(tmp_path / "jobs.sqlite3")
    path = ended(store, tmp_path)
    store.close()
    connection = sqlite3.connect(tmp_path / "jobs.sqlite3")
    connection.execute("ALTER TABLE file DROP COLUMN directory")
    connection.commit()
    connection.close()
    store = JobStore(tmp_path / "jobs.sqlite3")
    tidy(store, outbox(tmp_path))
    store.close()
    assert not path.exists()


def test_jobs_are_filed_in_the_format_that_the_catalog_states_when_they_are_collected(
    store: JobStore, tmp_path: Path
) -> None:
    store.add([job("one"), job("two", 100.0)], 3, 0.0)
    anthropic = {"o": BatchFile("anthropic", "", 10, 10_000)}
    (path,) = collect(store, outbox(tmp_path), anthropic, 0.0)
    bodies = [one["params"] for one in json.loads(path.read_text(encoding="utf-8"))["requests"]]
    assert bodies == [{"model": "m", "messages": ["kept from others"]}] * 2
    (due,) = store.due(100.0, 0.0, 600.0)
    assert body_of(due.entry) == bodies[1]


@pytest.mark.parametrize("key", ["needed_by", "fall_back_at"])
@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-12:00"])
def test_a_moment_outside_of_the_calendar_is_refused_and_holds_up_no_other_job(
    tmp_path: Path, key: str, moment: str
) -> None:
    line = {"custom_id": "x", "deployment": "claude-opus-5-5", "body": ASKED, key: moment}
    path = tmp_path / "jobs"
    path.write_text(json.dumps(line), encoding="utf-8")
    with pytest.raises(BatchError, match="must be a time with its zone"):
        read_jobs(path, load_catalog(EXAMPLE))


def test_a_job_handed_over_by_a_clock_that_ran_ahead_is_handed_over_again(store: JobStore) -> None:
    store.add([job("one", fall_back_at=100.0)], 3, 0.0)
    assert len(store.due(86_400.0, 0.0, 600.0)) == 1
    assert len(store.due(200.0, 0.0, 600.0)) == 1  # the clock was put right
    assert store.due(150.0, 0.0, 600.0) == []  # and a little more


@pytest.mark.parametrize("status", [401, 402, 403])
def test_a_key_that_was_refused_gives_no_job_up(tmp_path: Path, status: int) -> None:
    (result,) = told(tmp_path, {"response": {"status_code": status, "body": {}}, "error": None})
    assert (result.answer, result.is_final) == (None, False)


@pytest.mark.parametrize(
    "line",
    [
        {"response": {"status_code": 200, "body": None}, "error": None},
        {"response": {"status_code": 200, "body": ""}, "error": None},
        {"result": {"type": "succeeded", "message": None}},
    ],
)
def test_a_success_without_an_answer_is_no_answer(tmp_path: Path, line: dict[str, Any]) -> None:
    (result,) = told(tmp_path, line)
    assert (result.answer, result.is_final) == (None, False)
    assert "succeeded without an answer" in result.error


def told(tmp_path: Path, line: dict[str, Any]) -> list[Result]:
    path = tmp_path / "results"
    path.write_text(json.dumps({"custom_id": "one", **line}), encoding="utf-8")
    return read_results(path)


def test_a_status_beyond_all_numbers_is_no_result(tmp_path: Path) -> None:
    path = tmp_path / "results"
    path.write_text(
        '{"custom_id": "one", "response": {"status_code": 1e999, "body": {}}, "error": null}',
        encoding="utf-8",
    )
    with pytest.raises(BatchError, match="line 1 is no result"):
        read_results(path)


def test_an_empty_batch_id_is_a_wrong_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["batch", "sent", "a.jsonl", "", "--store", str(tmp_path / "s")])
    assert ended.value.code == 2
    assert "must be the provider's id of the batch" in capsys.readouterr().err
