"""``serve`` as a real process: one line when ready, a graceful end on either signal; ``demo``."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from router.cli.child import ServerProcess
from router.client import CallError, RouterClient
from router.errors import NotReadyError
from router.v1 import router_pb2 as pb

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture
def flags(tiny_artifact: Path, catalog_file: Path, tmp_path: Path) -> list[str]:
    return [
        "--address", "127.0.0.1:0", "--artifact", str(tiny_artifact),
        "--catalog", str(catalog_file), "--store", str(tmp_path / "outcomes.sqlite3"),
    ]  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_serve_says_ready_answers_and_stops_gracefully_on_a_signal(
    flags: list[str], number: signal.Signals
) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "router", "serve", *flags, "--reflection", "--threads", "2"],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    ready = process.stdout.readline()
    found = re.fullmatch(r"ready on (127\.0\.0\.1:\d+)\n", ready)
    assert found, ready
    with RouterClient(found[1]) as client:
        assert client.health() == "SERVING"
        assert client.route(pb.RouteRequest(prompt="Name a fruit.")).tier
    process.send_signal(number)
    rest, log = process.communicate(timeout=20)
    assert (process.returncode, rest) == (0, "")
    assert "stopped" in log


@pytest.mark.parametrize("trigger", ["signal", "files"])
def test_a_new_artifact_is_taken_at_a_signal_or_when_it_is_seen(
    flags: list[str], tiny_artifact: Path, other_artifact: Path, tmp_path: Path, trigger: str
) -> None:
    link = tmp_path / "current"
    link.symlink_to(tiny_artifact)
    watch = ["--watch-seconds", "0.1"] if trigger == "files" else []
    arguments = [*flags, "--artifact", str(link), "--admin", *watch]
    with ServerProcess(arguments) as server, RouterClient(server.address) as client:
        before = client.status().in_force.artifact_version
        (tmp_path / "next").symlink_to(other_artifact)
        (tmp_path / "next").replace(link)
        if trigger == "signal":
            os.kill(server.pid, signal.SIGHUP)
        end = time.monotonic() + 20.0
        while client.status().in_force.artifact_version == before:
            assert time.monotonic() < end, "waited 20 seconds in vain"
            time.sleep(0.02)
        status = client.status()
        assert status.previous.artifact_version == before
        assert status.last_attempt.trigger == trigger
        answer = client.route(pb.RouteRequest(prompt="Name a fruit."))
        assert answer.artifact_version == status.in_force.artifact_version


def test_a_server_that_cannot_start_tells_its_reason(flags: list[str]) -> None:
    with pytest.raises(NotReadyError, match=r"ended before it was ready: error: .*no such"):
        ServerProcess([*flags, "--catalog", "nowhere.toml"])


def test_a_call_to_a_server_that_has_stopped_is_an_error_one_can_read(flags: list[str]) -> None:
    with ServerProcess(flags) as server, RouterClient(server.address, 2.0) as client:
        client.list_tiers()
        assert server.stop() == 0
        with pytest.raises(CallError, match="no router answers at") as caught:
            client.list_tiers()
    assert caught.value.code == "UNAVAILABLE"


def test_the_demo_shows_a_table_of_every_sample_and_stops_cleanly(
    tiny_artifact: Path, catalog_file: Path
) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "router", "demo", "--artifact", str(tiny_artifact),
         "--catalog", str(catalog_file)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        env={"COLUMNS": "40", "PATH": "", "PYTHONIOENCODING": "utf-8", "PYTHONUTF8": "1"},
        timeout=60,
        check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    assert "\x1b[" not in done.stdout
    samples = (ROOT / "data" / "sample_prompts.jsonl").read_text(encoding="utf-8").splitlines()
    table = done.stdout.split("\n\n")[2].splitlines()
    assert len(table) == 2 + len(samples)
    assert f"{len(samples)} prompts: small " in done.stdout
    for part in (
        "Costs and savings are expected, not measured.",
        "The same prompts at other goals",
        "With a quality target of",
        "FAILED_PRECONDITION NO_CANDIDATE: no deployment may serve",
        "recorded (duplicate False), sent again (duplicate True)",
        "Server stopped with exit status 0.",
    ):
        assert part in done.stdout
