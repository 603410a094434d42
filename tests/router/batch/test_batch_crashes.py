"""A process that dies at any place where it could loses no job, and records none twice."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from eval.deferred.crashes import BOUNDARIES, Crash, CrashingDatabase, CrashingOutbox, CrashPlan
from eval.deferred.measured import log_ends
from router.batch.collect import collect, tidy
from router.batch.formats import Result, entry_of
from router.batch.jobs import Job
from router.batch.store import JobStore
from router.deferred.ways import BatchFile

OPENAI = BatchFile("openai", "/v1/chat/completions", 2, 10_000)
LIMITS = {"ours": OPENAI}
SOON, LATE = 500.0, 5_000.0


def make_job(custom_id: str, fall_back_at: float | None = None) -> Job:
    entry = entry_of(custom_id, {"model": "m", "messages": [custom_id]}, OPENAI)
    needed_by = None if fall_back_at is None else fall_back_at + 60.0
    return Job(custom_id, "ours", entry, f"hash of {custom_id}", needed_by, fall_back_at)


JOBS = [make_job("plain"), make_job("unlucky"), make_job("missing", LATE), make_job("urgent", SOON)]


def answer(custom_id: str) -> Result:
    return Result(custom_id, json.dumps({"of": custom_id}))


class Life:
    """The life of four jobs, step by step; a step that died is done again by a new process."""

    def __init__(self, directory: Path, dies: Callable[[str], bool]) -> None:
        self.path = directory / "jobs.sqlite3"
        self.plan = CrashPlan(dies)
        self.outbox = CrashingOutbox(directory, self.plan)
        self.sent: dict[str, str] = {}
        self.handed: list[str] = []
        self.store = self._open()
        log_ends(self.path)

    def _open(self) -> JobStore:
        self.plan.restart()
        return JobStore(self.path, partial(CrashingDatabase, plan=self.plan))

    def do(self, step: Callable[[], object]) -> None:
        while True:
            try:
                step()
            except Crash:
                self.store.close()
                self.store = self._open()
            else:
                return

    def send_all(self) -> None:
        for file in self.store.files("ready"):  # handed out, perhaps just before the end
            self._send(self.outbox.directory / file.name)
        for path in collect(self.store, self.outbox, LIMITS, 100.0):
            self.handed.append(path.name)
            self._send(path)

    def _send(self, path: Path) -> None:
        if path.name not in self.sent:  # the provider is asked whether it has the file
            self.sent[path.name] = path.read_text(encoding="utf-8")
        self.store.sent(path.name, f"batch of {path.name}")

    def answered(self, place: int, *results: Result) -> None:
        batch_id = f"batch of {list(self.sent)[place]}"
        self.do(lambda: self.store.results(batch_id, results, 200.0, are_last=True))

    def due(self) -> None:
        self.urgent = [one.custom_id for one in self.store.due(SOON, 0.0, 0.0)]

    def live(self) -> None:
        self.do(lambda: self.store.add(JOBS, 3, 0.0))
        self.do(self.send_all)
        self.answered(0, Result("unlucky", None, "overloaded"), answer("plain"))
        self.do(self.due)
        self.answered(1)
        self.do(lambda: self.store.sync_results([answer("urgent")], SOON))
        self.do(self.send_all)
        self.answered(2, answer("missing"), answer("unlucky"))
        self.answered(1, answer("missing"), answer("urgent"))  # very late, and told again
        self.do(lambda: tidy(self.store, self.outbox))
        self.store.close()


def ends_of(path: Path) -> list[tuple[str, str]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT custom_id, answer FROM end_log ORDER BY custom_id").fetchall()
    connection.close()
    return rows


def check(life: Life) -> None:
    names = ["missing", "plain", "unlucky", "urgent"]
    assert ends_of(life.path) == [(name, json.dumps({"of": name})) for name in names]
    assert life.urgent == ["urgent"]
    assert len(life.handed) == len(set(life.handed))
    rows = [json.loads(line)["custom_id"] for text in life.sent.values() for line in text.split()]
    # The urgent job is in its file as well: it was sent before it became urgent.
    assert sorted(rows) == ["missing", "missing", "plain", "unlucky", "unlucky", "urgent"]
    assert list(life.outbox.directory.glob("*.jsonl")) == []
    connection = sqlite3.connect(life.path)
    assert connection.execute("SELECT count(*) FROM job WHERE entry IS NOT NULL").fetchone() == (0,)
    connection.close()


def all_places(directory: Path) -> list[str]:
    places: list[str] = []

    def note(place: str) -> bool:
        places.append(place)
        return False

    life = Life(directory, note)
    life.live()
    check(life)
    return places


def test_dying_at_any_one_place_changes_nothing_about_the_end(tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    places = all_places(tmp_path / "whole")
    # Within a transaction one statement is as good as another to die before.
    chosen = [at for at, place in enumerate(places) if place in BOUNDARIES or at % 11 == 0]
    assert {places[at] for at in chosen} >= BOUNDARIES
    for dying in chosen:
        directory = tmp_path / str(dying)
        directory.mkdir()
        count = iter(range(10_000))
        life = Life(directory, lambda _, count=count, dying=dying: next(count) == dying)
        life.live()
        assert life.plan.crashes == 1
        check(life)


@pytest.mark.parametrize("every", [17, 23, 41])
def test_dying_again_and_again_changes_nothing_about_the_end(tmp_path: Path, every: int) -> None:
    count = iter(range(100_000))
    life = Life(tmp_path, lambda _: next(count) % every == every - 1)
    life.live()
    assert life.plan.crashes >= 4
    check(life)


KILLED = """
import os, sys
from pathlib import Path
from router.batch.collect import collect
from router.batch.outbox import Outbox
from router.batch.store import JobStore
from router.deferred.ways import BatchFile

class Dying(Outbox):
    def write(self, name, text):
        if sys.argv[2] == "before":
            os._exit(9)
        path = super().write(name, text)
        if sys.argv[2] == "after":
            os._exit(9)
        return path

directory = Path(sys.argv[1])
limits = {"ours": BatchFile("openai", "/v1/chat/completions", 2, 10_000)}
for path in collect(JobStore(directory / "jobs.sqlite3"), Dying(directory), limits, 100.0):
    print(path.name, flush=True)
    os._exit(9)
"""


@pytest.mark.parametrize("place", ["before", "after", "handed out"])
def test_a_real_process_that_ends_at_once_leaves_what_the_next_goes_on_with(
    tmp_path: Path, place: str
) -> None:
    store = JobStore(tmp_path / "jobs.sqlite3")
    store.add(JOBS, 3, 0.0)
    store.close()
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, str(tmp_path), place],
        capture_output=True, check=False, text=True,
    )  # fmt: skip
    assert killed.returncode == 9, killed.stderr
    given = killed.stdout.split()
    life = Life(tmp_path, lambda _: False)
    given += [path.name for path in collect(life.store, life.outbox, LIMITS, 100.0)]
    life.store.close()
    assert len(given) == 2
    assert len(set(given)) == 2
