"""How much one key may do: the bucket as mathematics, and both limits on a real server."""

import asyncio
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hypothesis import given, settings
from hypothesis import strategies as st
from key_files import bearer, entry, write_keys

from router.access.bucket import TokenBucket
from router.config import Config
from router.errors import ConfigError
from router.server import stream
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

HELLO = pb.RouteRequest(prompt="Hello there!")


@given(
    per_second=st.floats(0.1, 1000.0),
    burst=st.integers(1, 50),
    gaps=st.lists(st.floats(0.0, 2.0), min_size=1, max_size=200),
)
@settings(deadline=None)
def test_no_caller_gets_more_than_the_burst_and_what_the_rate_has_given_since(
    per_second: float, burst: int, gaps: list[float]
) -> None:
    bucket = TokenBucket(per_second, burst, 0.0)
    now, taken = 0.0, 0
    for gap in gaps:
        now += gap
        taken += bucket.take(now) == 0.0
    assert taken <= burst + per_second * now + 1e-6


@given(per_second=st.floats(0.1, 1000.0), burst=st.integers(1, 50), charged=st.integers(0, 5000))
@settings(deadline=None)
def test_after_the_wait_it_was_told_a_caller_is_let_in(
    per_second: float, burst: int, charged: int
) -> None:
    bucket = TokenBucket(per_second, burst, 0.0)
    assert bucket.take(0.0) == 0.0
    bucket.charge(charged)
    wait = bucket.take(0.0)
    assert (wait > 0.0) == (burst - 1 - charged < 1)
    if wait > 0.0:
        assert bucket.take(wait * (1 + 1e-9) + 1e-9) == 0.0


def test_a_batch_larger_than_the_burst_is_served_and_waited_off() -> None:
    bucket = TokenBucket(10.0, 5, 0.0)
    assert bucket.take(0.0) == 0.0
    bucket.charge(99)
    assert bucket.take(0.0) == pytest.approx((99 + 1 - 5 + 1) / 10.0)


@pytest.fixture(scope="module")
def limited(
    server_config: Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RouterServer, dict[str, str]]]:
    directory = tmp_path_factory.mktemp("limits")
    slow = entry(more="requests_per_second = 0.001\nburst = 3")
    other = entry()
    narrow = entry(more="max_in_flight = 1")
    still = entry(more="requests_per_second = 1e-320\nburst = 1")
    file = write_keys(directory / "keys.toml", slow[1], other[1], narrow[1], still[1])
    config = replace(
        server_config,
        store=directory / "outcomes.sqlite3",
        api_keys=file,
        caller_requests_per_second=1e6,
    )
    with RouterServer(config) as server:
        yield server, {"slow": slow[0], "other": other[0], "narrow": narrow[0], "still": still[0]}


def refusal(call: object) -> tuple[grpc.StatusCode, str, float]:
    """Return code, reason and the stated wait in seconds."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
    status = rpc_status.from_call(caught.value)
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(retry)
    return caught.value.code(), info.reason, retry.retry_delay.ToMilliseconds() / 1e3


def test_a_key_above_its_rate_is_told_when_to_retry_and_others_are_served(
    limited: tuple[RouterServer, dict[str, str]],
) -> None:
    server, keys = limited
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = RouterServiceStub(channel)
        three = pb.RouteBatchRequest(requests=[HELLO] * 3)
        batch = stub.RouteBatch(three, metadata=bearer(keys["slow"]), timeout=10.0)
        assert len(batch.results) == 3  # a batch of three has used all three
        code, reason, wait = refusal(
            lambda: stub.Route(HELLO, metadata=bearer(keys["slow"]), timeout=10.0)
        )
        assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CALLER_RATE")
        assert 900.0 < wait <= 1000.0
        for _ in range(20):
            assert stub.Route(HELLO, metadata=bearer(keys["other"]), timeout=10.0).tier


def test_the_slowest_rate_there_is_ends_in_a_refusal_and_no_internal_error(
    limited: tuple[RouterServer, dict[str, str]],
) -> None:
    server, keys = limited
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = RouterServiceStub(channel)
        assert stub.Route(HELLO, metadata=bearer(keys["still"]), timeout=10.0).tier
        code, reason, wait = refusal(
            lambda: stub.Route(HELLO, metadata=bearer(keys["still"]), timeout=10.0)
        )
    assert (code, reason, wait) == (
        grpc.StatusCode.RESOURCE_EXHAUSTED,
        "CALLER_RATE",
        365 * 86_400.0,
    )


def test_a_key_has_no_more_calls_in_flight_than_it_may(
    limited: tuple[RouterServer, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    server, keys = limited
    entered, leave = threading.Event(), threading.Event()
    many = type(server.engine).route_many

    def wait_and_decide(*arguments: object) -> object:
        entered.set()
        assert leave.wait(20.0)
        return many(*arguments)

    monkeypatch.setattr(type(server.engine), "route_many", wait_and_decide)
    given = bearer(keys["narrow"])
    with grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel:
        stub = RouterServiceStub(channel)
        batch = pb.RouteBatchRequest(requests=[HELLO])
        first = stub.RouteBatch.future(batch, metadata=given, timeout=20.0)
        try:
            assert entered.wait(20.0)
            code, reason, wait = refusal(lambda: stub.Route(HELLO, metadata=given, timeout=10.0))
            assert (code, reason) == (grpc.StatusCode.RESOURCE_EXHAUSTED, "CALLER_IN_FLIGHT")
            assert 0.0 < wait < 1.0
            assert stub.Route(HELLO, metadata=bearer(keys["other"]), timeout=10.0).tier
        finally:
            leave.set()
        first.result(timeout=20.0)
        for _ in range(5):  # each has ended before the next one starts
            assert stub.Route(HELLO, metadata=given, timeout=10.0).tier


def test_limits_of_callers_without_keys_are_refused(server_config: Config, tmp_path: Path) -> None:
    plain = replace(server_config, store=tmp_path / "o.sqlite3")
    for limit in ({"caller_requests_per_second": 5.0}, {"caller_max_in_flight": 5}):
        with pytest.raises(ConfigError, match="limits each API key, and api_keys is not given"):
            RouterServer(replace(plain, **limit))


def test_a_stream_is_slowed_to_the_callers_rate_and_loses_nothing(
    server_config: Config, tmp_path: Path
) -> None:
    key, table = entry(more="requests_per_second = 200\nburst = 5")
    config = replace(
        server_config,
        store=tmp_path / "o.sqlite3",
        api_keys=write_keys(tmp_path / "keys.toml", table),
    )
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        slept: list[float] = []
        with pytest.MonkeyPatch.context() as patch:
            sleep = asyncio.sleep

            def noted(seconds: float) -> object:
                slept.append(seconds)
                return sleep(seconds)

            patch.setattr(stream.asyncio, "sleep", noted)
            answers = list(
                RouterServiceStub(channel).RouteStream(
                    iter([HELLO] * 25), metadata=bearer(key), timeout=30.0
                )
            )
    assert len(answers) == 25
    assert all(answer.response.tier for answer in answers)
    assert sum(slept) > 0.0  # 20 more than the burst, at 200 a second
