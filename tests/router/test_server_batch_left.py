"""A batch whose caller has left stops: what nobody waits for is not decided, written or counted."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from waiting import wait_until

from router.config import Config
from router.engine import Engine
from router.metrics import families
from router.server.app import RouterServer
from router.server.servicer import MOST_IN_PASS
from router.types import Request
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

PASSES = 3
BATCH = pb.RouteBatchRequest(
    requests=[pb.RouteRequest(prompt="Name a fruit.")] * (MOST_IN_PASS * (PASSES - 1) + 1)
)
ONE = pb.RouteBatchRequest(requests=BATCH.requests[:1])


class FirstPassWaits:
    """Lets the first pass of a batch wait until it is released; knows how large each pass was."""

    def __init__(self) -> None:
        self.begun, self.released = threading.Event(), threading.Event()
        self.sizes: list[int] = []
        self._route_many = Engine.route_many

    def route_many(self, engine: Engine, requests: Sequence[Request]) -> list[object]:
        self.sizes.append(len(requests))
        if len(self.sizes) == 1:
            self.begun.set()
            assert self.released.wait(20.0)
        return list(self._route_many(engine, requests))


@pytest.fixture
def one_thread(server_config: Config, tmp_path: Path) -> Iterator[RouterServer]:
    config = replace(server_config, threads=1, store=tmp_path / "outcomes.sqlite3")
    with RouterServer(config) as server:
        yield server


@pytest.fixture
def passes(one_thread: RouterServer, monkeypatch: pytest.MonkeyPatch) -> Iterator[FirstPassWaits]:
    """Return what holds the passes of a server that is up: its start decides a few by itself."""
    held = FirstPassWaits()

    def route_many(engine: Engine, requests: Sequence[Request]) -> list[object]:
        return held.route_many(engine, requests)

    monkeypatch.setattr(Engine, "route_many", route_many)
    yield held
    held.released.set()


def decisions(server: RouterServer) -> float:
    return sum(count for (count,) in server.snapshot().get(families.DECISIONS.name, {}).values())


@pytest.mark.parametrize("how", ["cancels", "has no time left"])
def test_no_further_pass_is_begun_for_a_caller_who_has_left(
    how: str, passes: FirstPassWaits, one_thread: RouterServer
) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{one_thread.port}") as channel:
        stub = RouterServiceStub(channel)
        call = stub.RouteBatch.future(BATCH, timeout=20.0 if how == "cancels" else 1.0)
        assert passes.begun.wait(20.0)
        if how == "cancels":
            call.cancel()
        wait_until(lambda: one_thread.calls_in_flight == 0)
        passes.released.set()
        assert len(stub.RouteBatch(ONE, timeout=20.0).results) == 1  # after it, in the same thread
    assert passes.sizes == [MOST_IN_PASS, 1]
    wait_until(lambda: decisions(one_thread) == 1)


def test_a_batch_whose_caller_waits_is_decided_whole(
    passes: FirstPassWaits, one_thread: RouterServer
) -> None:
    passes.released.set()
    with grpc.insecure_channel(f"127.0.0.1:{one_thread.port}") as channel:
        answer = RouterServiceStub(channel).RouteBatch(BATCH, timeout=20.0)
    assert passes.sizes == [MOST_IN_PASS] * (PASSES - 1) + [1]
    assert all(one.HasField("response") for one in answer.results)
    wait_until(lambda: decisions(one_thread) == len(BATCH.requests))
