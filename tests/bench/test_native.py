"""The native load generator is driven rightly, and its absence is told; no time is judged here."""

import shutil
from pathlib import Path

import pytest
from google.protobuf import empty_pb2

from bench.native import SATURATED, body_of, closed_loop, find_h2load, main, open_loop, route_rows
from bench.native_workers import worker_rows
from bench.server import ECHO_METHOD, MeasuredServer
from router.config import Config
from router.errors import NotReadyError
from router.v1 import router_pb2 as pb

needs_h2load = pytest.mark.skipif(shutil.which("h2load") is None, reason="h2load is not installed")


def test_a_body_is_framed_as_grpc_wants_it() -> None:
    message = pb.RouteRequest(prompt="x" * 300)
    data = message.SerializeToString()
    assert body_of(message) == b"\0\0\0" + bytes(divmod(len(data), 256)) + data


def test_without_h2load_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotReadyError, match="nghttp2-client"):
        find_h2load()
    assert main(["--out", str(tmp_path / "rows.json")]) == 1
    assert "apt install nghttp2-client" in capsys.readouterr().err
    assert not (tmp_path / "rows.json").exists()


@needs_h2load
def test_both_loops_reach_the_server_and_every_row_is_a_figure(
    server_config: Config,
) -> None:
    with MeasuredServer.start(server_config, "asyncio") as server:
        empty = empty_pb2.Empty()
        block = closed_loop(server.address, ECHO_METHOD, empty, SATURATED, 0.2)
        assert len(block.latencies_ms) > 32
        block = open_loop(server.address, ECHO_METHOD, empty, rate=200.0, seconds=0.5, seed=1)
        assert 50 < len(block.latencies_ms) < 160
        rows = route_rows(server.address, 20, seconds=0.2, rounds=1, seed=0)
    assert len({row.name for row in rows}) == len(rows) == 22
    assert all(row.value > 0 for row in rows)


@needs_h2load
def test_an_address_without_a_server_is_told() -> None:
    with pytest.raises(NotReadyError, match=r"h2load ended|HTTP status"):
        closed_loop("127.0.0.1:9", ECHO_METHOD, empty_pb2.Empty(), SATURATED, 0.1)


@needs_h2load
def test_servers_of_one_and_two_workers_are_compared() -> None:
    rows = {row.name: row.value for row in worker_rows([1, 2], 20, 0.2, 1, 0)}
    assert len(rows) == 7
    assert all(value > 0 for value in rows.values())
    one, two = (rows[f"{name}, 20 tokens, saturated"] for name in ("1 worker", "2 workers"))
    assert rows["2 workers, 20 tokens, saturated: / 1"] == pytest.approx(two / one)
