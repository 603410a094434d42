"""Calls that gRPC's core turns away end CANCELLED: the client tries again, but never its own."""

import asyncio
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from grpc._cython import cygrpc
from waiting import wait_until

from router.call_error import CallError
from router.client import RouterClient
from router.client_aio import AioRouterClient
from router.config import Config
from router.server.app import RouterServer
from router.server.backlog import server_ids
from router.server.loop import run, shared_loop
from router.server.service import SERVICE
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

HELLO = pb.RouteRequest(prompt="Hello there!")


class Crowded:
    """A server whose loop stands still, with as many calls waiting in the core as may."""

    def __init__(self, server: RouterServer, server_id: int, release: threading.Event) -> None:
        self.address = f"127.0.0.1:{server.port}"
        self.release = release
        self._server_id = server_id

    def arrived(self) -> int:
        """Return how many calls have arrived, turned away or not."""
        data = json.loads(cygrpc.channelz_get_server(self._server_id))["server"]["data"]
        return int(data["callsStarted"])


@pytest.fixture
def crowded(server_config: Config, tmp_path: Path) -> Iterator[Crowded]:
    config = replace(server_config, store=tmp_path / "outcomes.sqlite3", max_waiting_calls=2)
    known = server_ids()
    with RouterServer(config) as server, stopped_loop() as release:
        (server_id,) = server_ids() - known
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            futures = [RouterServiceStub(channel).Route.future(HELLO) for _ in range(20)]
            wait_until(lambda: sum(future.done() for future in futures) >= 10)
            turned_away = {future.code() for future in futures if future.done()}
            assert turned_away == {grpc.StatusCode.CANCELLED}
            crowded = Crowded(server, server_id, release)
            # Those under way still would count as calls of the client that is looked at.
            wait_until(lambda: crowded.arrived() >= len(futures))
            yield crowded
            release.set()
            for future in futures:
                future.exception()


@contextmanager
def stopped_loop() -> Iterator[threading.Event]:
    release, stands_still = threading.Event(), threading.Event()

    def stand_still() -> None:
        stands_still.set()
        release.wait(20.0)

    shared_loop().call_soon_threadsafe(stand_still)
    assert stands_still.wait(20.0)
    try:
        yield release
    finally:
        release.set()


def test_a_call_that_was_turned_away_is_answered_when_there_is_room(crowded: Crowded) -> None:
    before, answers = crowded.arrived(), []
    with RouterClient(crowded.address, timeout_seconds=20.0) as client:
        caller = threading.Thread(target=lambda: answers.append(client.route(HELLO)))
        caller.start()
        wait_until(lambda: crowded.arrived() > before)
        crowded.release.set()
        caller.join()
    assert answers[0].tier
    assert crowded.arrived() > before + 1  # it was turned away at least once


def test_who_is_turned_away_again_and_again_is_told_why(crowded: Crowded) -> None:
    before = crowded.arrived()
    with (
        RouterClient(crowded.address, timeout_seconds=20.0) as client,
        pytest.raises(CallError, match="turned the call away unseen") as caught,
    ):
        client.route(HELLO)
    assert (caught.value.code, crowded.arrived() - before) == ("CANCELLED", 4)


def test_a_call_that_its_caller_cancels_is_not_tried_again() -> None:
    arrived, release = threading.Event(), threading.Event()
    calls: list[int] = []

    def route(_: pb.RouteRequest, __: grpc.ServicerContext) -> pb.RouteResponse:
        calls.append(1)
        arrived.set()
        release.wait(20.0)
        return pb.RouteResponse()

    async def cancelled(address: str) -> None:
        async with AioRouterClient(address) as client:
            task = asyncio.create_task(client.route(HELLO))
            await asyncio.to_thread(arrived.wait, 20.0)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            release.set()
            await client.route(HELLO)  # whatever was tried again came before this one

    server = grpc.server(ThreadPoolExecutor(1))
    handler = grpc.unary_unary_rpc_method_handler(
        route, pb.RouteRequest.FromString, pb.RouteResponse.SerializeToString
    )
    server.add_generic_rpc_handlers(
        (grpc.method_handlers_generic_handler(SERVICE, {"Route": handler}),)
    )
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    run(cancelled(f"127.0.0.1:{port}"))
    server.stop(None).wait()
    assert len(calls) == 2
