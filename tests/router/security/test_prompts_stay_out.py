"""No text of a prompt or an answer in the log, the store, or any other file, whatever happens."""

import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from tiny_artifact import calibrated, copy_artifact

from router.cli.child import ServerProcess
from router.config import Config
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

MARK = "zebra-quince-7f3a"
PROMPT = f"Please translate {MARK} into Dutch. " * 40
CONTRACT = pb.Goal(contract=pb.Contract(max_loss_rate=0.05))
SERVICE = "/router.v1.RouterService/"


def messages() -> list[pb.Message]:
    return [
        pb.Message(role="system", content=f"You know {MARK}."),
        pb.Message(role="user", content=PROMPT),
    ]


REQUESTS = [
    pb.RouteRequest(prompt=PROMPT),
    pb.RouteRequest(messages=messages(), goal=CONTRACT),
    pb.RouteRequest(prompt=PROMPT, plan=pb.PlanOptions()),
    # Refused, each for another reason.
    pb.RouteRequest(prompt=PROMPT, goal=pb.Goal(quality_target=7.0)),
    pb.RouteRequest(prompt=PROMPT, messages=messages()),
    pb.RouteRequest(messages=[pb.Message(role="nobody", content=PROMPT)]),
    pb.RouteRequest(prompt=PROMPT, denied_tiers=["small", "medium", "large"]),
    pb.RouteRequest(prompt=PROMPT, allowed_tiers=["tiny"]),
    pb.RouteRequest(prompt=PROMPT * 200),  # too large a message
]
ANSWERS = [pb.Answer(deployment="claude-3-haiku", text=f"It is {MARK}.", output_token_count=5)]


def send_everything(address: str) -> tuple[int, int]:
    """Send the mark in every way there is; return how many calls were answered and refused."""
    answered = refused = 0
    with grpc.insecure_channel(address) as channel:
        stub = RouterServiceStub(channel)
        calls: list[Callable[[], object]] = [
            *(lambda one=one: stub.Route(one, timeout=20.0) for one in REQUESTS),
            lambda: stub.RouteBatch(pb.RouteBatchRequest(requests=REQUESTS[:8]), timeout=20.0),
            lambda: stub.Review(pb.ReviewRequest(request=REQUESTS[0], answers=ANSWERS)),
            lambda: stub.Route(REQUESTS[0], timeout=1e-4),
            lambda: channel.unary_unary(SERVICE + "Route")(b"\x0a\xff" + PROMPT.encode()),
            lambda: channel.unary_unary(SERVICE + "RouteBatch")(PROMPT.encode()),
            lambda: channel.unary_unary(SERVICE + "NoSuchMethod")(PROMPT.encode()),
        ]
        for call in calls:
            try:
                call()
                answered += 1
            except grpc.RpcError:
                refused += 1
    return answered, refused


def files_with_the_mark(directory: Path) -> list[str]:
    return [
        str(path)
        for path in directory.rglob("*")
        if path.is_file() and MARK.encode() in path.read_bytes()
    ]


def test_a_server_process_at_debug_level_writes_no_text_of_a_prompt_anywhere(
    tiny_artifact: Path, catalog_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    artifact = calibrated(copy_artifact(tiny_artifact, tmp_path / "artifact"))
    monkeypatch.setenv("ROUTER_LOG_LEVEL", "debug")
    monkeypatch.setenv("ROUTER_MAX_MESSAGE_BYTES", "100000")
    flags = [
        "--address", "127.0.0.1:0", "--artifact", str(artifact), "--catalog", str(catalog_file),
        "--store", str(tmp_path / "outcomes.sqlite3"), "--audit-share", "1",
        "--decision-log", str(tmp_path / "decisions.jsonl"), "--exploration-share", "0.1",
    ]  # fmt: skip
    with ServerProcess(flags) as server:
        answered, refused = send_everything(server.address)
        assert answered >= 4
        assert refused >= 8
        server._process.terminate()
        output, _ = server._process.communicate(timeout=30.0)
        server._log.seek(0)
        log = server._log.read()
    assert "serving on port" in log
    assert (tmp_path / "decisions.jsonl").stat().st_size > 0
    assert MARK not in log
    assert MARK not in output
    assert files_with_the_mark(tmp_path) == []


def test_the_mark_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "store").write_bytes(b"\x00" + PROMPT.encode())
    assert files_with_the_mark(tmp_path) == [str(tmp_path / "deep" / "store")]


def test_an_unforeseen_error_that_quotes_the_prompt_is_logged_without_its_text(
    server_config: Config,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.DEBUG)
    with (
        RouterServer(replace(server_config, store=tmp_path / "o.sqlite3")) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):

        def quoting(_: object, request: object) -> None:
            try:
                raise KeyError(repr(request))
            except KeyError as error:
                raise ValueError(f"cannot encode {request!r}") from error

        monkeypatch.setattr(type(server.engine), "route", quoting)
        monkeypatch.setattr(type(server.engine), "route_many", quoting)
        stub = RouterServiceStub(channel)
        with pytest.raises(grpc.RpcError) as caught:
            stub.Route(REQUESTS[0], timeout=20.0)
        assert caught.value.code() == grpc.StatusCode.INTERNAL
        assert MARK not in str(caught.value.details())
        with suppress(grpc.RpcError):
            stub.RouteBatch(pb.RouteBatchRequest(requests=REQUESTS[:2]), timeout=20.0)
    assert caplog.text.count("unforeseen error in RouterServicer.route") == 2
    assert "ValueError, Traceback without values" in caplog.text
    assert "KeyError, Traceback without values" in caplog.text
    assert MARK not in caplog.text
    assert files_with_the_mark(tmp_path) == []
