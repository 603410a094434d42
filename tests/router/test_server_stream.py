"""``RouteStream``: order, errors in their place, audits, back pressure and the end of a server."""

import asyncio
import queue
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc import code_pb2
from tiny_artifact import calibrated, copy_artifact

from router.config import Config
from router.server.app import RouterServer
from router.server.service import SERVICE
from router.server.stream import Inbox
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

PATH = f"/{SERVICE}/RouteStream"


def requests(count: int) -> Iterator[pb.RouteRequest]:
    for n in range(count):
        yield pb.RouteRequest(prompt=f"Question {n}: " + "why? " * (n % 7), request_id=str(n))


def test_results_come_in_the_order_of_the_requests(stub: RouterServiceStub) -> None:
    results = list(stub.RouteStream(requests(1_000), timeout=30.0))
    assert [result.response.request_id for result in results] == [str(n) for n in range(1_000)]
    assert len({result.response.decision_id for result in results}) == 1_000


def test_a_stream_decides_as_route_does(stub: RouterServiceStub) -> None:
    alone = [stub.Route(request) for request in requests(20)]
    streamed = [result.response for result in stub.RouteStream(requests(20), timeout=30.0)]
    for answer in (*alone, *streamed):
        answer.decision_id = ""
        for candidate in answer.candidates:
            candidate.adequacy = round(candidate.adequacy, 5)
        answer.novelty = round(answer.novelty, 4)
    assert [one.candidates for one in alone] == [one.candidates for one in streamed]
    assert [one.tier for one in alone] == [one.tier for one in streamed]


def test_each_request_is_answered_before_the_next_is_sent(stub: RouterServiceStub) -> None:
    sent: queue.Queue[pb.RouteRequest | None] = queue.Queue()
    call = stub.RouteStream(iter(sent.get, None), timeout=30.0)
    for n in range(3):
        sent.put(pb.RouteRequest(prompt="Hello!", request_id=str(n)))
        assert next(call).response.request_id == str(n)
    sent.put(None)
    assert list(call) == []


def test_errors_stand_in_the_place_of_their_request(channel: grpc.Channel) -> None:
    good = pb.RouteRequest(prompt="Hello!").SerializeToString()
    both = pb.RouteRequest(prompt="a", messages=[pb.Message(role="user", content="b")])
    call = channel.stream_stream(PATH, response_deserializer=pb.RouteBatchResult.FromString)
    given = [good, b"\xff", both.SerializeToString(), good]
    results = list(call(iter(given), timeout=30.0))
    assert [result.error.code for result in results] == [
        code_pb2.OK, code_pb2.INVALID_ARGUMENT, code_pb2.INVALID_ARGUMENT, code_pb2.OK,
    ]  # fmt: skip
    assert [result.WhichOneof("result") for result in results] == [
        "response", "error", "error", "response",
    ]  # fmt: skip


def test_an_empty_stream_ends_well(stub: RouterServiceStub) -> None:
    assert list(stub.RouteStream(iter(()), timeout=30.0)) == []


@pytest.fixture
def config(server_config: Config, tmp_path: Path) -> Config:
    return replace(server_config, store=tmp_path / "outcomes.sqlite3", grace_seconds=30.0)


def test_stopping_answers_what_was_read_and_then_ends_the_stream(config: Config) -> None:
    server = RouterServer(config)
    sent: queue.Queue[pb.RouteRequest | None] = queue.Queue()
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        call = RouterServiceStub(channel).RouteStream(iter(sent.get, None), timeout=30.0)
        sent.put(pb.RouteRequest(prompt="Hello!"))
        assert next(call).response.tier
        stopping = threading.Thread(target=server.stop)
        stopping.start()
        with pytest.raises(grpc.RpcError) as caught:
            next(call)
        sent.put(None)
        assert caught.value.code() == grpc.StatusCode.UNAVAILABLE
        assert "open another stream" in (caught.value.details() or "")
        stopping.join(timeout=20.0)
        assert not stopping.is_alive()


def test_a_caller_that_goes_away_leaves_no_call_behind(config: Config) -> None:
    with RouterServer(config) as server:
        sent: queue.Queue[pb.RouteRequest | None] = queue.Queue()
        with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
            call = RouterServiceStub(channel).RouteStream(iter(sent.get, None), timeout=30.0)
            sent.put(pb.RouteRequest(prompt="Hello!"))
            assert next(call).response.tier
            assert server.calls_in_flight == 1
            call.cancel()
            sent.put(None)
            done = threading.Event()
            for _ in range(2_000):
                if server.calls_in_flight == 0:
                    done.set()
                    break
                done.wait(0.01)
            assert done.is_set()


def test_a_caller_that_does_not_read_is_not_read_from(config: Config) -> None:
    taken: list[int] = []
    stop = threading.Event()

    def endless() -> Iterator[pb.RouteRequest]:
        n = 0
        while not stop.is_set():
            taken.append(n)
            yield pb.RouteRequest(prompt="word " * 20_000, request_id=str(n))
            n += 1

    with RouterServer(config) as server:
        options = [("grpc.http2.bdp_probe", 0)]
        with grpc.insecure_channel(f"127.0.0.1:{server.port}", options=options) as channel:
            call = RouterServiceStub(channel).RouteStream(endless(), timeout=60.0)
            seen = -1
            while len(taken) != seen:  # until the sender stands still
                seen = len(taken)
                stop.wait(0.5)
            assert next(call).response.request_id == "0"
            stop.set()
            call.cancel()
    assert seen < 5_000


def test_large_requests_pause_a_stream_before_they_fill_the_memory() -> None:
    async def scenario() -> None:
        inbox, given, large = Inbox(), [], bytes(6 * 1024 * 1024)

        async def endless() -> AsyncIterator[bytes]:
            while True:
                given.append(large)
                yield large

        reader = asyncio.create_task(inbox.fill(endless()))
        await asyncio.sleep(0.05)
        assert len(given) == 3  # 12 MiB leave room, 18 do not
        assert len(await inbox.take(2, reader)) == 2
        await asyncio.sleep(0.05)
        assert len(given) == 5
        reader.cancel()

    asyncio.run(scenario())


def test_an_audit_is_asked_for_in_a_stream_too(config: Config, tmp_path: Path) -> None:
    artifact = calibrated(copy_artifact(config.artifact, tmp_path / "artifact"))
    goal = pb.Goal(contract=pb.Contract(max_loss_rate=0.05))
    asked = [pb.RouteRequest(prompt="Name a fruit.", goal=goal)] * 3
    with (
        RouterServer(replace(config, artifact=artifact, audit_share=1.0)) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        results = list(RouterServiceStub(channel).RouteStream(iter(asked), timeout=30.0))
    assert [result.response.audit.probability for result in results] == [1.0] * 3
