"""Disks that are full, read-only or damaged, and a clock that jumps: decisions go on."""

import asyncio
import contextlib
import os
import resource
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import grpc
import pytest
import waiting
from grpc_health.v1 import health_pb2, health_pb2_grpc

from router.cli.child import ServerProcess
from router.config import Config
from router.errors import StoreError
from router.ledger.lines import LineLog
from router.ledger.store import OutcomeStore, RecordedOutcome
from router.metrics.registry import Registry
from router.server.app import RouterServer
from router.server.watchman import Watchman
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

wait_until = partial(waiting.wait_until, seconds=30.0)

HELLO = pb.RouteRequest(prompt="Hello there!")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


class Caller:
    """Calls a server and counts what it acknowledged."""

    def __init__(self, channel: grpc.Channel) -> None:
        self.stub = RouterServiceStub(channel)
        self._health = health_pb2_grpc.HealthStub(channel)
        self.acknowledged: list[str] = []

    def record(self, size: int = 1) -> grpc.StatusCode:
        request = pb.RecordOutcomeRequest(
            decision_id="d" * size, request_id=f"r{len(self.acknowledged)}"
        )
        try:
            self.stub.RecordOutcome(request, timeout=20.0)
        except grpc.RpcError as error:
            return error.code()
        self.acknowledged.append(request.request_id)
        return grpc.StatusCode.OK

    def health(self, name: str) -> int:
        return self._health.Check(health_pb2.HealthCheckRequest(service=name)).status

    def goes_on(self) -> None:
        """Fail unless decisions are made, the rest is ready, and outcomes are said to be down."""
        assert self.stub.Route(HELLO).tier
        wait_until(lambda: self.health("outcomes") == NOT_SERVING)
        assert self.health("readiness") == SERVING

    def recovers(self) -> None:
        """Fail unless outcomes are taken again."""
        wait_until(lambda: self.health("outcomes") == SERVING)
        assert self.record() == grpc.StatusCode.OK


@contextlib.contextmanager
def calling(address: str) -> Iterator[Caller]:
    with grpc.insecure_channel(address) as channel:
        yield Caller(channel)


@contextlib.contextmanager
def running(config: Config) -> Iterator[Caller]:
    with RouterServer(config) as server, calling(f"127.0.0.1:{server.port}") as caller:
        yield caller


@pytest.fixture
def store(tmp_path: Path) -> Path:
    return tmp_path / "outcomes.sqlite3"


def kept(store: Path) -> set[str]:
    return {outcome.request_id for outcome in OutcomeStore(store)}


def test_a_file_that_may_not_grow_fails_outcomes_only_and_until_it_may(
    tiny_artifact: Path, catalog_file: Path, store: Path
) -> None:
    flags = [
        "--address", "127.0.0.1:0", "--artifact", str(tiny_artifact),
        "--catalog", str(catalog_file), "--store", str(store),
    ]  # fmt: skip
    with ServerProcess(flags) as server, calling(server.address) as caller:
        assert caller.record() == grpc.StatusCode.OK
        limit = store.with_name("outcomes.sqlite3-wal").stat().st_size
        _, hard = resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (limit, -1))
        assert caller.record() == grpc.StatusCode.UNAVAILABLE
        caller.goes_on()
        resource.prlimit(server.pid, resource.RLIMIT_FSIZE, (hard, hard))
        caller.recovers()
        assert server.stop() == 0
    assert kept(store) == set(caller.acknowledged)


@contextlib.contextmanager
def small_disk(place: Path) -> Iterator[None]:
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(place)]
    if os.geteuid() != 0 or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only root may mount a small disk")
    try:
        yield
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def test_a_full_disk_fails_outcomes_only_and_until_there_is_room(
    server_config: Config, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk):
        store = disk / "outcomes.sqlite3"
        with running(replace(server_config, store=store)) as caller:
            assert caller.record() == grpc.StatusCode.OK
            ballast = disk / "ballast"
            with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as file:
                while True:
                    file.write(b"x" * 1024)
            codes = {caller.record(100) for _ in range(20)}
            assert grpc.StatusCode.UNAVAILABLE in codes
            caller.goes_on()
            ballast.unlink()
            caller.recovers()
        assert kept(store) == set(caller.acknowledged)


def test_a_read_only_disk_fails_outcomes_only_and_until_it_can_be_written(
    server_config: Config, tmp_path: Path
) -> None:
    disk = tmp_path / "disk"
    with small_disk(disk):
        store = disk / "outcomes.sqlite3"
        OutcomeStore(store).close()
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        with running(replace(server_config, store=store)) as caller:
            assert caller.record() == grpc.StatusCode.UNAVAILABLE
            caller.goes_on()
            subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True)
            caller.recovers()
        assert kept(store) == set(caller.acknowledged)


def test_a_store_that_is_damaged_at_the_start_stops_no_decision_and_is_left_as_it_is(
    server_config: Config, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    damaged = b"not a database at all, but somebody's" * 200
    store.write_bytes(damaged)
    with running(replace(server_config, store=store, audit_share=0.5)) as caller:
        assert caller.record() == grpc.StatusCode.UNAVAILABLE
        caller.goes_on()
        assert caller.health("promise") == NOT_SERVING
        assert store.read_bytes() == damaged
        store.rename(store.with_name("damaged"))
        caller.recovers()
        wait_until(lambda: caller.health("promise") == SERVING)
    said = [text for text in caplog.messages if "outcomes cannot be recorded" in text]
    assert len(said) == 1, "a state is told once, not every second"
    assert kept(store) == set(caller.acknowledged)


def test_a_store_whose_damage_shows_only_when_it_is_written_stops_no_decision(
    server_config: Config, store: Path
) -> None:
    whole = OutcomeStore(store)
    whole.record_many([RecordedOutcome("d", f"old-{number}") for number in range(2000)])
    whole.close()
    content = store.read_bytes()
    store.write_bytes(content[:4096] + b"\xff" * (len(content) - 4096))  # the first page is whole
    with running(replace(server_config, store=store)) as caller:
        assert caller.record() == grpc.StatusCode.UNAVAILABLE
        caller.goes_on()
        for path in list(store.parent.glob(f"{store.name}*")):
            path.rename(path.with_name(f"damaged-{path.name}"))
        caller.recovers()
    assert kept(store) == set(caller.acknowledged)


def unlinked(store: Path) -> Path:
    store.unlink()
    return store


def moved_alone(store: Path) -> Path:
    return store.rename(store.with_name("archived.sqlite3"))


def moved_with_its_log(store: Path) -> Path:
    (archive := store.with_name("archive")).mkdir()
    for path in list(store.parent.glob(f"{store.name}*")):
        path.rename(archive / path.name)
    return archive / store.name


def replaced(store: Path) -> Path:
    kept_as = store.with_name("kept.sqlite3")
    kept_as.hardlink_to(store)
    OutcomeStore(other := store.with_name("other.sqlite3")).close()
    other.replace(store)
    return kept_as


@pytest.mark.parametrize("lose", [unlinked, moved_alone, moved_with_its_log, replaced])
def test_a_store_that_is_lost_while_open_acknowledges_nothing_that_is_not_found(
    server_config: Config, store: Path, lose: Callable[[Path], Path]
) -> None:
    with running(replace(server_config, store=store, audit_share=0.5)) as caller:
        assert caller.record() == grpc.StatusCode.OK
        before = set(caller.acknowledged)
        went_to = lose(store)
        assert caller.record() == grpc.StatusCode.UNAVAILABLE
        assert caller.stub.Route(HELLO).tier
        caller.recovers()
        assert caller.record() == grpc.StatusCode.OK
    assert kept(store) == set(caller.acknowledged) - before
    if went_to != store:
        assert kept(went_to) == before, "what was acknowledged before went with the file"


def test_a_store_that_is_lost_is_told_though_nobody_records(
    server_config: Config, store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with running(replace(server_config, store=store)) as caller:
        store.unlink()
        wait_until(lambda: "outcomes are recorded again" in caplog.text)
        assert "moved away, replaced or deleted" in caplog.text
        assert caller.record() == grpc.StatusCode.OK
    assert kept(store) == set(caller.acknowledged)


def test_workers_that_share_a_lost_store_agree_on_the_next(store: Path) -> None:
    one, other = OutcomeStore(store), OutcomeStore(store)
    one.record(RecordedOutcome("d", "before"))
    away = moved_alone(store)
    for worker, name in ((one, "by-one"), (other, "by-other")):
        with pytest.raises(StoreError, match="moved away"):
            worker.record(RecordedOutcome("d", name))
        worker.record(RecordedOutcome("d", name))
    assert kept(store) == {"by-one", "by-other"}
    one.record(RecordedOutcome("d", "later"))
    other.close()
    one.close()
    assert (one.lost, other.lost) == (1, 1)
    assert (kept(store), kept(away)) == ({"by-one", "by-other", "later"}, {"before"})


def test_a_store_behind_a_link_is_followed_to_where_the_link_leads(
    store: Path, tmp_path: Path
) -> None:
    places = [tmp_path / name for name in ("one", "two")]
    for place in places:
        place.mkdir()
    store.symlink_to(places[0] / "real.sqlite3")
    workers = OutcomeStore(store), OutcomeStore(store)

    def record(name: str) -> None:
        for number, worker in enumerate(workers):
            with contextlib.suppress(StoreError):
                worker.record(RecordedOutcome("d", f"{name}{number}"))
            worker.record(RecordedOutcome("d", f"{name}{number}"))

    record("first")
    moved_alone(places[0] / "real.sqlite3")
    record("second")
    store.unlink()
    store.symlink_to(places[1] / "real.sqlite3")
    record("third")
    for worker in workers:
        worker.close()
    found = [places[0] / "archived.sqlite3", *(place / "real.sqlite3" for place in places)]
    assert [kept(file) for file in found] == [
        {"first0", "first1"},
        {"second0", "second1"},
        {"third0", "third1"},
    ]


def test_a_log_left_behind_by_a_store_that_was_moved_is_put_aside_and_can_be_joined_again(
    store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    writer = subprocess.run(
        [sys.executable, "-c", LEFT_BEHIND, str(store)], check=False, capture_output=True
    )
    assert writer.returncode == 7, writer.stderr
    away = moved_alone(store)
    assert kept(store) == set()
    (aside,) = store.parent.glob("*-wal.left-*")
    assert str(aside) in caplog.text
    aside.rename(away.with_name(f"{away.name}-wal"))
    assert kept(away) == {"left"}


LEFT_BEHIND = """
import os, sys
from pathlib import Path
from router.ledger.store import OutcomeStore, RecordedOutcome
OutcomeStore(Path(sys.argv[1])).record(RecordedOutcome("d", "left"))
os._exit(7)
"""


def test_a_disk_that_hangs_holds_up_no_round_of_the_watchman(store: Path) -> None:
    async def scenario() -> None:
        rounds, let_go, hangs = [], threading.Event(), threading.Event()

        def hang() -> None:
            hangs.set()
            let_go.wait(60.0)

        watchman = Watchman(
            Registry(),
            OutcomeStore(store),
            off_the_path=hang,
            on_the_loop=lambda: rounds.append(hangs.is_set()),
            on_store=lambda _: None,
        )
        await watchman.start()
        while rounds.count(True) < 15:
            await asyncio.sleep(0.02)
        let_go.set()
        watchman.stop()

    asyncio.run(asyncio.wait_for(scenario(), 30.0))


def test_a_clock_that_jumps_back_loses_no_outcome(
    store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = OutcomeStore(store)
    for number, now in enumerate((2e9, 1e9, -5.0, 4e9)):
        monkeypatch.setattr(time, "time", lambda now=now: now)
        assert outcomes.record(RecordedOutcome("d", f"r{number}", quality=0.5)) is False
        assert outcomes.record(RecordedOutcome("d", f"r{number}", quality=0.5)) is True
    outcomes.close()
    assert kept(store) == {"r0", "r1", "r2", "r3"}


def test_a_log_on_a_full_disk_drops_lines_counts_them_and_closes(tmp_path: Path) -> None:
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("there is no /dev/full")
    log = LineLog(tmp_path / "lines", str)
    log._file.close()
    log._file = full.open("w", encoding="utf-8", buffering=1)
    assert all(log.put(number) for number in range(5))
    log.close()
    assert log.dropped > 0
