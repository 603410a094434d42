"""A file of keys that changes while a server runs."""

import threading
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from key_files import bearer, entry, write_keys
from waiting import wait_until

import router.access.callers as callers_module
from router.access.callers import Callers
from router.access.keys import id_of
from router.access.keys_file import CallerLimits, KeyEntry, read_keys
from router.client import CallError, RouterClient
from router.config import Config
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

HELLO = pb.RouteRequest(prompt="Hello there!")


def test_a_revoked_key_is_refused_and_a_new_one_taken_without_a_restart(
    server_config: Config, tmp_path: Path
) -> None:
    (old, old_table), (new, new_table) = entry(), entry()
    file = write_keys(tmp_path / "keys.toml", old_table)
    config = replace(server_config, store=tmp_path / "o.sqlite3", api_keys=file)
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = RouterServiceStub(channel)
        assert stub.Route(HELLO, metadata=bearer(old), timeout=10.0).tier
        write_keys(file, new_table)
        wait_until(lambda: server.gate.callers.find(id_of(new)) is not None)
        with (
            RouterClient(f"127.0.0.1:{server.port}", api_key=old) as client,
            pytest.raises(CallError) as caught,
        ):
            client.route(HELLO)
        assert (caught.value.code, caught.value.reason) == ("UNAUTHENTICATED", "KEY_UNKNOWN")
        assert stub.Route(HELLO, metadata=bearer(new), timeout=10.0).tier


def test_a_file_that_is_refused_leaves_the_keys_and_says_so(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    key, table = entry()
    file = write_keys(tmp_path / "keys.toml", table)
    callers = Callers(file, CallerLimits())
    before = callers.find(id_of(key))
    file.write_text("format = 1\n[[keys", encoding="utf-8")
    callers.refresh()
    assert callers.find(id_of(key)) is before
    assert "nothing is revoked" in caplog.text
    write_keys(file)
    callers.refresh()
    assert callers.find(id_of(key)) is None


def test_a_file_that_was_refused_for_its_rights_is_taken_once_they_are_mended(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = write_keys(tmp_path / "keys.toml")
    callers = Callers(file, CallerLimits())
    key, table = entry()
    write_keys(file, table).chmod(0o664)
    callers.refresh()
    assert "run chmod go-w on it" in caplog.text
    file.chmod(0o640)
    callers.refresh()
    assert callers.find(id_of(key)) is not None


def test_many_keys_are_read_again_by_a_thread_of_their_own(
    server_config: Config, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = write_keys(tmp_path / "keys.toml", entry()[1])
    config = replace(server_config, store=tmp_path / "o.sqlite3", api_keys=file)
    readers: list[str] = []

    def noted(path: Path, limits: CallerLimits) -> list[KeyEntry]:
        readers.append(threading.current_thread().name)
        return read_keys(path, limits)

    with RouterServer(config) as server:
        monkeypatch.setattr(callers_module, "read_keys", noted)
        key, table = entry()
        write_keys(file, table)
        wait_until(lambda: server.gate.callers.find(id_of(key)) is not None)
    assert readers == ["router-keys"]


def test_a_key_may_be_good_until_the_last_day_of_the_calendar(tmp_path: Path) -> None:
    file = write_keys(tmp_path / "keys.toml", entry(more="expires = 9999-12-31")[1])
    (only,) = read_keys(file, CallerLimits())
    assert only.expires_at == 253_402_300_800.0
