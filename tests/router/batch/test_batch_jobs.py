"""Jobs into files and results back: formats, limits, states, and what is deleted when."""

import json
import stat
from pathlib import Path

import pytest

from router.batch.collect import collect, tidy
from router.batch.formats import Result, body_of, bytes_of, entry_of, read_results, text_of
from router.batch.jobs import Job
from router.batch.outbox import Outbox
from router.batch.store import JobStore
from router.deferred.ways import BatchFile
from router.errors import BatchError, StoreError

OPENAI = BatchFile("openai", "/v1/chat/completions", 3, 10_000)
ANTHROPIC = BatchFile("anthropic", "", 100, 400)
LIMITS = {"o": OPENAI, "a": ANTHROPIC}
BODY = {"model": "m", "messages": [{"role": "user", "content": "Grüße 🚆\u2028and more"}]}


def make_job(custom_id: str, deployment: str = "o", fall_back_at: float | None = None) -> Job:
    entry = entry_of(custom_id, BODY, LIMITS[deployment])
    needed_by = None if fall_back_at is None else fall_back_at + 60.0
    return Job(custom_id, deployment, entry, f"hash of {custom_id}", needed_by, fall_back_at)


@pytest.fixture
def store(tmp_path: Path):
    opened = JobStore(tmp_path / "jobs.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    (tmp_path / "out").mkdir()
    return Outbox(tmp_path / "out")


def states(store: JobStore) -> dict[str, int]:
    return {state: count for (_, state), count in store.counts(0.0).items() if count}


def written(path: Path, *lines: object) -> list[Result]:
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return read_results(path)


def test_an_openai_file_is_json_lines_of_what_each_call_would_be() -> None:
    entry = entry_of("one", BODY, OPENAI)
    assert json.loads("".join(text_of([entry], "openai"))) == {
        "custom_id": "one",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": BODY,
    }
    assert body_of(entry) == BODY


def test_an_anthropic_file_is_one_body_to_be_posted() -> None:
    entries = [entry_of(name, BODY, ANTHROPIC) for name in ("one", "two")]
    assert json.loads("".join(text_of(entries, "anthropic"))) == {
        "requests": [{"custom_id": name, "params": BODY} for name in ("one", "two")]
    }
    assert body_of(entries[0]) == BODY


def test_files_keep_to_their_limits_and_hold_every_job_once(
    store: JobStore, outbox: Outbox
) -> None:
    store.add(
        [make_job(f"o{n}") for n in range(7)] + [make_job(f"a{n}", "a") for n in range(5)], 3, 0.0
    )
    paths = list(collect(store, outbox, LIMITS, 0.0))
    ids = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        of = ANTHROPIC if path.suffix == ".json" else OPENAI
        rows = json.loads(text)["requests"] if of is ANTHROPIC else text.split("\n")[:-1]
        assert len(text.encode()) <= of.most_bytes
        assert len(rows) <= of.most_requests
        ids += [(row if of is ANTHROPIC else json.loads(row))["custom_id"] for row in rows]
    assert sorted(ids) == sorted([f"o{n}" for n in range(7)] + [f"a{n}" for n in range(5)])
    assert sum(path.suffix == ".jsonl" for path in paths) == 3
    per_file = (ANTHROPIC.most_bytes - 17) // bytes_of(entry_of("a0", BODY, ANTHROPIC))
    assert sum(path.suffix == ".json" for path in paths) == -(-5 // per_file)


def test_a_file_is_handed_out_once(store: JobStore, outbox: Outbox) -> None:
    store.add([make_job("one")], 3, 0.0)
    assert len(list(collect(store, outbox, LIMITS, 0.0))) == 1
    assert list(collect(store, outbox, LIMITS, 0.0)) == []
    store.add([make_job("one")], 3, 0.0)
    assert list(collect(store, outbox, LIMITS, 0.0)) == []


def test_store_and_files_are_their_owners_alone(store: JobStore, outbox: Outbox) -> None:
    store.add([make_job("one")], 3, 0.0)
    (path,) = collect(store, outbox, LIMITS, 0.0)
    for file in (path, *store.path.parent.glob("jobs.sqlite3*")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file


def test_results_match_by_custom_id_in_any_order_and_both_formats(
    store: JobStore, outbox: Outbox, tmp_path: Path
) -> None:
    store.add([make_job("o1"), make_job("o2"), make_job("a1", "a"), make_job("a2", "a")], 3, 0.0)
    for path in collect(store, outbox, LIMITS, 0.0):
        store.sent(path.name, path.suffix)
    body, message = {"id": "x", "choices": []}, {"id": "y", "content": []}
    of_openai = [
        {"custom_id": name, "response": {"status_code": 200, "body": body}, "error": None}
        for name in ("o2", "o1")
    ]
    of_anthropic = [
        {"custom_id": name, "result": {"type": "succeeded", "message": message}}
        for name in ("a2", "a1")
    ]
    results = written(tmp_path / "r", *of_openai)
    assert store.results(".jsonl", results, 10.0) == {"answered": 2}
    assert store.results(".json", written(tmp_path / "r", *of_anthropic), 10.0) == {"answered": 2}
    found = {one.custom_id: json.loads(one.answer or "") for one in store.ended()}
    assert found == {"o1": body, "o2": body, "a1": message, "a2": message}


@pytest.mark.parametrize(
    ("line", "is_final"),
    [
        ({"response": {"status_code": 500, "body": {}}, "error": None}, False),
        ({"response": {"status_code": 429, "body": {}}, "error": None}, False),
        ({"response": {"status_code": 400, "body": {"error": {}}}, "error": None}, True),
        ({"response": None, "error": {"code": "batch_expired", "message": "late"}}, False),
        ({"result": {"type": "expired"}}, False),
        ({"result": {"type": "canceled"}}, False),
        ({"result": {"type": "errored", "error": {"type": "api_error"}}}, False),
        (
            {
                "result": {
                    "type": "errored",
                    "error": {"type": "error", "error": {"type": "invalid_request_error"}},
                }
            },
            True,
        ),
    ],
)
def test_what_failed_is_told_apart_from_what_would_fail_again(
    tmp_path: Path, line: dict, is_final: bool
) -> None:
    (result,) = written(tmp_path / "r", {"custom_id": "one", **line})
    assert (result.answer, result.is_final) == (None, is_final)
    assert result.error


def failing(store: JobStore, outbox: Outbox, times: int, *, is_final: bool = False) -> None:
    for time in range(times):
        (path,) = collect(store, outbox, LIMITS, 0.0)
        store.sent(path.name, str(time))
        store.results(str(time), [Result("one", None, "it broke", is_final)], 5.0)


def test_a_job_that_fails_is_tried_again_until_it_is_given_up(
    store: JobStore, outbox: Outbox
) -> None:
    store.add([make_job("one")], 3, 0.0)
    failing(store, outbox, 2)
    assert states(store) == {"waiting": 1}
    (path,) = collect(store, outbox, LIMITS, 0.0)
    store.failed(path.name, "refused", 6.0)
    (ended,) = store.ended()
    assert ended.answer is None
    assert ended.error == "gave up after 3 failures; the last: refused"
    assert list(collect(store, outbox, LIMITS, 0.0)) == []


def test_a_job_that_is_wrong_is_not_tried_again(store: JobStore, outbox: Outbox) -> None:
    store.add([make_job("one")], 3, 0.0)
    failing(store, outbox, 1, is_final=True)
    assert states(store) == {"failed": 1}


def test_results_told_twice_count_once(store: JobStore, outbox: Outbox) -> None:
    store.add([make_job("one"), make_job("two")], 3, 0.0)
    (path,) = collect(store, outbox, LIMITS, 0.0)
    store.sent(path.name, "b")
    told = [Result("one", "1"), Result("two", None, "it broke")]
    assert store.results("b", told, 5.0) == {"answered": 1, "again": 1}
    assert store.results("b", told, 6.0) == {"repeated": 2}
    (path,) = collect(store, outbox, LIMITS, 7.0)
    store.sent(path.name, "c")
    # An old file of results read once more says nothing about the second try.
    assert store.results("b", told, 8.0) == {"repeated": 2}
    assert states(store) == {"done": 1, "filed": 1}


def test_an_answer_that_comes_late_from_an_earlier_file_is_taken(
    store: JobStore, outbox: Outbox
) -> None:
    store.add([make_job("one")], 3, 0.0)
    (path,) = collect(store, outbox, LIMITS, 0.0)
    store.sent(path.name, "b")
    store.results("b", [], 5.0, are_last=True)
    (path,) = collect(store, outbox, LIMITS, 6.0)
    store.sent(path.name, "c")
    assert store.results("b", [Result("one", "1")], 7.0) == {"answered": 1}
    assert store.results("c", [Result("one", "2")], 8.0) == {"repeated": 1}
    (ended,) = store.ended()
    assert ended.answer == "1"


def test_a_job_past_its_fall_back_point_is_handed_over_and_put_in_no_file(
    store: JobStore, outbox: Outbox
) -> None:
    store.add([make_job("one", fall_back_at=100.0), make_job("two", fall_back_at=900.0)], 3, 0.0)
    assert store.due(99.0, 0.0, 600.0) == []
    (handed,) = store.due(99.0, 1.0, 600.0)
    assert (handed.custom_id, body_of(handed.entry)) == ("one", BODY)
    assert store.due(100.0, 0.0, 600.0) == []
    assert [one.custom_id for one in store.due(700.0, 0.0, 600.0)] == ["one"]
    (path,) = collect(store, outbox, LIMITS, 700.0)
    assert "one" not in path.read_text(encoding="utf-8")
    assert store.sync_results([Result("one", "1")], 701.0) == {"answered": 1}
    assert states(store) == {"done": 1, "filed": 1, "late": 1}


def test_a_file_whose_jobs_became_due_before_it_was_written_is_not_written(
    store: JobStore, outbox: Outbox
) -> None:
    store.add([make_job("one", fall_back_at=100.0)], 3, 0.0)
    store.reserve(LIMITS, 0.0, outbox.place)  # and then the process died
    assert len(store.due(100.0, 0.0, 600.0)) == 1
    assert list(collect(store, outbox, LIMITS, 101.0)) == []
    assert [file.state for file in store.files()] == ["failed"]
    assert store.sync_results([Result("one", "1")], 102.0) == {"answered": 1}


def test_a_call_at_once_that_failed_is_handed_over_again(store: JobStore) -> None:
    store.add([make_job("one", fall_back_at=100.0)], 2, 0.0)
    broke = [Result("one", None, "it broke")]
    store.due(100.0, 0.0, 600.0)
    assert store.sync_results(broke, 101.0) == {"again": 1}
    assert store.sync_results(broke, 102.0) == {"repeated": 1}
    assert len(store.due(103.0, 0.0, 600.0)) == 1
    assert store.sync_results(broke, 104.0) == {"given up": 1}


def test_the_first_answer_counts_whichever_way_it_came(store: JobStore, outbox: Outbox) -> None:
    store.add([make_job("one", fall_back_at=100.0)], 3, 0.0)
    (path,) = collect(store, outbox, LIMITS, 0.0)
    store.sent(path.name, "b")
    store.due(100.0, 0.0, 600.0)
    assert store.results("b", [Result("one", "batch")], 110.0) == {"answered": 1}
    assert store.sync_results([Result("one", "sync")], 120.0) == {"repeated": 1}
    assert [one.answer for one in store.ended()] == ["batch"]


def test_bodies_and_files_are_gone_once_their_jobs_have_ended(
    store: JobStore, outbox: Outbox
) -> None:
    store.add([make_job("one")], 3, 0.0)
    (path,) = collect(store, outbox, LIMITS, 0.0)
    (outbox.directory / f".{path.name}.1").write_text("what a crash left", encoding="utf-8")
    store.sent(path.name, "b")
    store.results("b", [Result("one", "1")], 5.0)
    tidy(store, outbox)
    assert list(outbox.directory.iterdir()) == []
    store.close()
    for file in store.path.parent.glob("jobs.sqlite3*"):
        assert b"and more" not in file.read_bytes(), file


def test_answers_are_kept_until_they_are_forgotten(store: JobStore, outbox: Outbox) -> None:
    store.add([make_job("one"), make_job("two")], 3, 0.0)
    (path,) = collect(store, outbox, LIMITS, 0.0)
    store.sent(path.name, "b")
    store.results("b", [Result("one", "1")], 5.0)
    assert store.forget(["one", "two"]) == 1
    assert list(store.ended()) == []
    # The id stays known, so that the same job is not done again.
    assert store.add([make_job("one")], 3, 0.0) == {"known": 1}


def test_what_was_told_otherwise_is_refused(store: JobStore, outbox: Outbox) -> None:
    store.add([make_job("one"), make_job("two", "a")], 3, 0.0)
    first, second = (path.name for path in collect(store, outbox, LIMITS, 0.0))
    store.sent(first, "b")
    store.sent(first, "b")
    for wrong in (
        lambda: store.sent(first, "c"),
        lambda: store.sent(second, "b"),
        lambda: store.sent("third.jsonl", "d"),
        lambda: store.results("z", [], 0.0),
        lambda: store.results("b", [Result("other", "1")], 0.0),
        lambda: store.sync_results([Result("other", "1")], 0.0),
        lambda: list(collect(store, outbox, {}, store.add([make_job("three")], 3, 0.0)["added"])),
    ):
        with pytest.raises(BatchError):
            wrong()
    store.failed(second, "refused", 1.0)
    store.failed(second, "refused", 1.0)
    with pytest.raises(BatchError):
        store.sent(second, "e")


def test_a_store_that_cannot_be_written_says_that_nothing_was_changed(tmp_path: Path) -> None:
    for path in (tmp_path / "nowhere" / "jobs.sqlite3", tmp_path):
        with pytest.raises(StoreError, match="cannot be used as a store of deferred jobs"):
            JobStore(path)
    store = JobStore(tmp_path / "jobs.sqlite3")
    store.close()
    with pytest.raises(StoreError, match="nothing was changed"):
        store.add([make_job("one")], 3, 0.0)
