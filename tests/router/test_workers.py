"""Several workers on one port: they share calls, are replaced, summed, and leave together."""

import contextlib
import http.client
import os
import re
import resource
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import grpc
import pytest
import waiting

from router.config import Config
from router.errors import ConfigError
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub
from router.workers.order import Order
from router.workers.port import reserve
from router.workers.slot import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, Slot

wait_until = partial(waiting.wait_until, seconds=60.0)

ROOT = Path(__file__).resolve().parents[2]
HELLO = pb.RouteRequest(prompt="Hello there!")


@dataclass
class Serving:
    """A control process and what it has written."""

    process: subprocess.Popen
    log: Path
    address: str = ""

    def workers(self) -> list[int]:
        return [process for _, process in self.started()]

    def started(self) -> list[tuple[int, int]]:
        """Return index and process id of every worker that became ready, in that order."""
        found = re.findall(r"worker (\d) is ready, process (\d+)", self.log_text())
        return [(int(index), int(process)) for index, process in found]

    def log_text(self) -> str:
        return self.log.read_text(encoding="utf-8")

    def metrics(self) -> dict[str, float]:
        port = re.search(r"metrics on http://127\.0\.0\.1:(\d+)", self.log_text())
        connection = http.client.HTTPConnection("127.0.0.1", int(port[1]), timeout=10)
        connection.request("GET", "/metrics")
        lines = connection.getresponse().read().decode().splitlines()
        connection.close()
        return {
            name: float(value)
            for name, _, value in (line.rpartition(" ") for line in lines if line[0] != "#")
        }

    def calls(self) -> float:
        return self.metrics()['router_calls_total{method="Route",code="OK"}']


@contextlib.contextmanager
def serving(flags: list[str], directory: Path, *more: str) -> Iterator[Serving]:
    log = directory / "log"
    with log.open("w", encoding="utf-8") as stderr:
        process = subprocess.Popen(
            [sys.executable, "-m", "router", "serve", *flags, "--workers", "2", *more],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=stderr, text=True,
        )  # fmt: skip
    found = Serving(process, log)
    try:
        ready = process.stdout.readline()
        if ready:
            found.address = re.fullmatch(r"ready on (\S+)\n", ready)[1]
        yield found
    finally:
        if process.poll() is None:
            process.terminate()
        process.communicate(timeout=60)


@pytest.fixture
def flags(tiny_artifact: Path, catalog_file: Path, tmp_path: Path) -> list[str]:
    return [
        "--address", "127.0.0.1:0", "--artifact", str(tiny_artifact),
        "--catalog", str(catalog_file), "--store", str(tmp_path / "outcomes.sqlite3"),
        "--metrics-address", "127.0.0.1:0",
    ]  # fmt: skip


@contextlib.contextmanager
def connected(address: str) -> Iterator[RouterServiceStub]:
    """Return a stub on a connection of its own, which the kernel gives to one of the workers."""
    own = (("grpc.use_local_subchannel_pool", 1),)
    with grpc.insecure_channel(address, options=own) as channel:
        yield RouterServiceStub(channel)


def test_workers_share_a_port_are_summed_replaced_and_stop_together(
    flags: list[str], tmp_path: Path
) -> None:
    with serving(flags, tmp_path) as found:
        assert len(found.workers()) == 2
        index, process = found.started()[0]
        for _ in range(12):
            with connected(found.address) as stub:
                stub.Route(HELLO)
                stub.Route(HELLO)
        wait_until(lambda: found.calls() == 24)
        metrics = found.metrics()
        assert metrics["router_ready"] == metrics["router_workers"] == 2
        assert metrics['router_worker_up{worker="1"}'] == 1

        os.kill(process, signal.SIGKILL)
        wait_until(lambda: len(found.workers()) == 3)
        assert found.calls() == 24
        assert found.metrics()[f'router_worker_restarts_total{{worker="{index}"}}'] == 1
        for _ in range(8):
            with connected(found.address) as stub:
                stub.Route(HELLO, wait_for_ready=True, timeout=20.0)
        wait_until(lambda: found.calls() == 32)

        found.process.send_signal(signal.SIGTERM)
        assert found.process.wait(timeout=60) == 0
        for worker in found.workers():
            with pytest.raises(ProcessLookupError):
                os.kill(worker, 0)
        assert f"worker {index} ended with status -9" in found.log_text()


def test_workers_whose_control_process_was_killed_leave(flags: list[str], tmp_path: Path) -> None:
    with serving(flags, tmp_path) as found:
        found.process.kill()
        found.process.wait(timeout=20)

        def are_gone() -> bool:
            return not any(Path(f"/proc/{worker}").exists() for worker in found.workers())

        wait_until(are_gone)


def test_a_setting_that_is_refused_ends_the_whole(flags: list[str], tmp_path: Path) -> None:
    with serving(flags, tmp_path, "--artifact", str(tmp_path / "none")) as found:
        assert found.process.wait(timeout=60) == 1
    assert "there is no such artifact directory" in found.log_text()


def test_a_port_that_somebody_listens_on_is_not_shared_unawares() -> None:
    with socket.socket() as other:
        other.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(ConfigError, match=f"address = '{address}': cannot listen there"):
            reserve(address)


def test_a_reserved_port_takes_further_listeners_and_is_named() -> None:
    reserved, address = reserve("127.0.0.1:0")
    with reserved, socket.socket() as worker:
        worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        worker.bind(("127.0.0.1", int(address.rpartition(":")[2])))
        worker.listen()
        with socket.create_connection(worker.getsockname(), timeout=5.0):
            accepted, _ = worker.accept()
            accepted.close()


def test_a_worker_reads_its_settings_as_one_process_would(tmp_path: Path) -> None:
    file = tmp_path / "router.toml"
    file.write_text('threads = 3\nworkers = 2\ndecision_log = "log/lines.jsonl"\n')
    order = Order.from_line(
        Order(str(file), {"audit_share": 0.5}, "127.0.0.1:7", index=1).to_line()
    )
    assert order.config() == Config(
        address="127.0.0.1:7", threads=3, workers=2, audit_share=0.5,
        decision_log=Path("log/lines.1.jsonl"),
    )  # fmt: skip


def test_a_worker_that_keeps_ending_is_started_at_growing_intervals(tmp_path: Path) -> None:
    now = 0.0
    slot = Slot(Order(str(tmp_path / "missing.toml"), {}, "127.0.0.1:0"), lambda: now)
    pauses = []
    for _ in range(2):
        slot.start()
        wait_until(lambda: slot.look(restart=False))
        assert slot.status == 1
        pauses.append(slot._start_at - now)
        now += 1.0
    slot._pause = LONGEST_PAUSE_SECONDS
    slot.start()
    wait_until(lambda: slot.look(restart=False))
    assert pauses == pytest.approx([2 * FIRST_PAUSE_SECONDS, 4 * FIRST_PAUSE_SECONDS])
    assert slot._start_at - now == pytest.approx(LONGEST_PAUSE_SECONDS)


def test_a_worker_that_the_machine_has_no_room_for_is_started_later(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    now = 0.0
    slot = Slot(Order(str(tmp_path / "missing.toml"), {}, "127.0.0.1:0"), lambda: now)
    most, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    first_free = os.dup(0)
    os.close(first_free)
    resource.setrlimit(resource.RLIMIT_NOFILE, (first_free, hard))
    try:
        assert slot.look(restart=True) is False
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    assert slot.pid is None
    assert "worker 0 cannot be started now" in caplog.text
    now = LONGEST_PAUSE_SECONDS
    slot.look(restart=True)
    assert slot.pid is not None
    slot.close()
