"""The client, with and without asyncio, on real servers: alive, slow, dead, killed, guarded."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from inspect import signature
from pathlib import Path
from typing import Any

import grpc
import pytest
from certificates import Authority
from key_files import entry, write_keys

from router.cli.child import ServerProcess
from router.cli.main import main
from router.client import (
    SERVICE_CONFIG,
    CallError,
    NoDeploymentError,
    RouterClient,
    TierChoice,
    Tls,
)
from router.client_aio import AioRouterClient
from router.config import Config
from router.errors import ConfigError
from router.server.app import RouterServer
from router.server.loop import run
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import (
    RouterServiceServicer,
    add_RouterServiceServicer_to_server,
)

HELLO = pb.RouteRequest(prompt="Hello there!")
IMPOSSIBLE = pb.RouteRequest(prompt="Hello!", denied_tiers=["small", "medium", "large"])
Decide = Callable[..., TierChoice]


def decide_plainly(address: str, request: pb.RouteRequest = HELLO, **more: Any) -> TierChoice:
    with RouterClient(address, default_tier="medium", **more) as client:
        return client.decide(request)


def decide_awaited(address: str, request: pb.RouteRequest = HELLO, **more: Any) -> TierChoice:
    async def decide() -> TierChoice:
        async with AioRouterClient(address, default_tier="medium", **more) as client:
            return await client.decide(request)

    return run(decide())


both = pytest.mark.parametrize("decide", [decide_plainly, decide_awaited])


class Odd(RouterServiceServicer):
    """A server of our contract that answers as it is told."""

    def __init__(self, behave: Callable[[int, grpc.ServicerContext], pb.RouteResponse]) -> None:
        self._behave = behave
        self.calls = 0

    def Route(self, request: pb.RouteRequest, context: grpc.ServicerContext) -> pb.RouteResponse:  # noqa: N802
        self.calls += 1
        return self._behave(self.calls, context)


@contextmanager
def odd_server(behave: Callable[[int, grpc.ServicerContext], Any]) -> Iterator[tuple[str, Odd]]:
    servicer = Odd(behave)
    server = grpc.server(ThreadPoolExecutor(4))
    add_RouterServiceServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield f"127.0.0.1:{port}", servicer
    finally:
        server.stop(None).wait()


def failing(code: grpc.StatusCode, times: int = 1_000) -> Callable[..., pb.RouteResponse]:
    def behave(call: int, context: grpc.ServicerContext) -> pb.RouteResponse:
        if call <= times:
            context.abort(code, "not now")
        return pb.RouteResponse(tier="large", deployment="d")

    return behave


@pytest.fixture
def dead_address() -> str:
    """An address where nobody has listened for a moment."""
    server = grpc.server(ThreadPoolExecutor(1))
    port = server.add_insecure_port("127.0.0.1:0")
    server.stop(None).wait()
    return f"127.0.0.1:{port}"


@both
def test_a_router_that_answers_chooses(server: RouterServer, decide: Decide) -> None:
    choice = decide(f"127.0.0.1:{server.port}")
    assert (choice.fell_back, choice.error) == (False, None)
    assert choice.tier == choice.response.tier != ""
    assert choice.deployment == choice.response.deployment != ""


@both
def test_where_nobody_listens_the_default_tier_is_taken_and_the_reason_told(
    dead_address: str, decide: Decide
) -> None:
    choice = decide(dead_address)
    assert (choice.tier, choice.deployment, choice.response) == ("medium", "", None)
    assert choice.fell_back
    assert choice.error.code == "UNAVAILABLE"
    assert f"no router answers at {dead_address}" in choice.error.message


@both
def test_a_router_that_is_slow_costs_the_deadline_and_no_more(decide: Decide) -> None:
    leave = threading.Event()

    def sleep(_: int, __: grpc.ServicerContext) -> pb.RouteResponse:
        leave.wait(30.0)
        return pb.RouteResponse(tier="large")

    with odd_server(sleep) as (address, _):
        started = time.monotonic()
        choice = decide(address, timeout_seconds=0.2)
        waited = time.monotonic() - started
        leave.set()
    assert (choice.tier, choice.error.code) == ("medium", "DEADLINE_EXCEEDED")
    assert 0.15 < waited < 20.0  # it returned while the server was still asleep


tried_again = pytest.mark.parametrize("code", ["UNAVAILABLE", "CANCELLED"])


@both
@tried_again
def test_calls_that_were_not_looked_at_are_tried_again_until_one_is_answered(
    decide: Decide, code: str
) -> None:
    with odd_server(failing(grpc.StatusCode[code], times=2)) as (address, servicer):
        choice = decide(address)
    assert (choice.tier, choice.fell_back, servicer.calls) == ("large", False, 3)


@both
@tried_again
def test_no_call_is_tried_more_than_four_times(decide: Decide, code: str) -> None:
    with odd_server(failing(grpc.StatusCode[code])) as (address, servicer):
        choice = decide(address)
    assert (choice.tier, choice.error.code, servicer.calls) == ("medium", code, 4)


@both
def test_the_deadline_ends_trying_again(decide: Decide) -> None:
    with odd_server(failing(grpc.StatusCode.UNAVAILABLE)) as (address, servicer):
        choice = decide(address, timeout_seconds=0.02)
    assert choice.tier == "medium"
    assert servicer.calls < 4


@both
@pytest.mark.parametrize(
    "code", ["INTERNAL", "RESOURCE_EXHAUSTED", "UNAUTHENTICATED", "PERMISSION_DENIED", "UNKNOWN"]
)
def test_other_faults_of_the_router_are_not_tried_again_and_stop_no_application(
    decide: Decide, code: str
) -> None:
    with odd_server(failing(grpc.StatusCode[code])) as (address, servicer):
        choice = decide(address)
    assert (choice.tier, choice.error.code, servicer.calls) == ("medium", code, 1)


@both
def test_a_wrong_request_is_an_error_because_another_tier_would_not_keep_its_limits(
    server: RouterServer, decide: Decide
) -> None:
    for request, kind, code in (
        (IMPOSSIBLE, NoDeploymentError, "FAILED_PRECONDITION"),
        (pb.RouteRequest(), CallError, "INVALID_ARGUMENT"),
    ):
        with pytest.raises(kind) as caught:
            decide(f"127.0.0.1:{server.port}", request)
        assert (type(caught.value), caught.value.code) == (kind, code)


def test_that_no_deployment_fits_is_told_of_each_deployment(server: RouterServer) -> None:
    with pytest.raises(NoDeploymentError) as caught:
        decide_plainly(f"127.0.0.1:{server.port}", IMPOSSIBLE)
    deployments = {one.id for one in server.engine.catalog.deployments}
    assert caught.value.why == dict.fromkeys(deployments, "TIER_DENIED")


@both
def test_a_contract_that_the_routers_artifact_does_not_know_stops_no_application(
    server: RouterServer, decide: Decide
) -> None:
    goal = pb.Goal(contract=pb.Contract(max_loss_rate=0.05))
    choice = decide(f"127.0.0.1:{server.port}", pb.RouteRequest(prompt="Hello!", goal=goal))
    assert (choice.tier, choice.error.reason) == ("medium", "CONTRACT_NOT_CALIBRATED")


@pytest.mark.parametrize("seconds", [0.0, -1.0, float("nan"), float("inf")])
def test_a_deadline_that_is_none_is_refused_before_every_call_falls_back(
    server: RouterServer, seconds: float
) -> None:
    with pytest.raises(ConfigError, match="must be a finite number of seconds above 0"):
        RouterClient(f"127.0.0.1:{server.port}", timeout_seconds=seconds)
    with (
        RouterClient(f"127.0.0.1:{server.port}", default_tier="large") as client,
        pytest.raises(ConfigError, match="timeout_seconds"),
    ):
        client.decide(HELLO, timeout_seconds=seconds)


def test_a_missing_default_tier_is_told_while_the_router_still_answers(
    server: RouterServer,
) -> None:
    with RouterClient(f"127.0.0.1:{server.port}") as client:
        with pytest.raises(ConfigError, match="no default tier is set"):
            client.decide(HELLO)
        assert client.decide(HELLO, default_tier="large").response is not None


def test_a_server_that_is_killed_and_comes_back_is_used_again(
    tiny_artifact: Path, catalog_file: Path, tmp_path: Path
) -> None:
    flags = [
        "--artifact", str(tiny_artifact), "--catalog", str(catalog_file),
        "--store", str(tmp_path / "o.sqlite3"), "--address",
    ]  # fmt: skip
    first = ServerProcess([*flags, "127.0.0.1:0"])
    try:
        client = RouterClient(first.address, default_tier="large")
        assert not client.decide(HELLO).fell_back
        first._process.kill()
        first._process.wait(20.0)
        assert client.decide(HELLO).error.code == "UNAVAILABLE"
    finally:
        first.stop()
    with ServerProcess([*flags, first.address]), client:
        end = time.monotonic() + 30.0
        while client.decide(HELLO).fell_back:
            assert time.monotonic() < end, "the client did not come back in 30 seconds"
            time.sleep(0.05)


def test_both_clients_have_the_same_methods_with_the_same_arguments() -> None:
    def methods(kind: type) -> dict[str, list[str]]:
        return {
            name: list(signature(value).parameters)
            for name, value in vars(kind).items()
            if callable(value) and (not name.startswith("__") or name == "__init__")
        }

    assert methods(RouterClient) == methods(AioRouterClient)


def test_every_method_of_the_asyncio_client_answers_as_the_other(server: RouterServer) -> None:
    address = f"127.0.0.1:{server.port}"
    batch = pb.RouteBatchRequest(requests=[HELLO])
    outcome = pb.RecordOutcomeRequest(decision_id="d", request_id="aio", quality=0.5)

    async def ask() -> list[object]:
        async with AioRouterClient(address) as client:
            return [
                (await client.route(HELLO)).tier,
                (await client.route_batch(batch)).results[0].response.tier,
                await client.list_tiers(),
                (await client.record_outcome(outcome)).duplicate,
                await client.promise(),
                await client.health(),
            ]

    with RouterClient(address) as client:
        assert run(ask()) == [
            client.route(HELLO).tier,
            client.route_batch(batch).results[0].response.tier,
            client.list_tiers(),
            not client.record_outcome(outcome).duplicate,
            client.promise(),
            client.health(),
        ]


def test_many_awaited_calls_share_one_connection(server: RouterServer) -> None:
    async def ask() -> list[str]:
        async with AioRouterClient(f"127.0.0.1:{server.port}") as client:
            answers = await asyncio.gather(*(client.route(HELLO) for _ in range(50)))
            return [answer.tier for answer in answers]

    assert len(set(run(ask()))) == 1


@pytest.fixture
def guarded(server_config: Config, tmp_path: Path) -> Iterator[tuple[str, str, Tls, Path]]:
    """Mutual TLS and keys: the server's address, a key, the client's TLS, a file of the key."""
    authority = Authority(tmp_path)
    pair, own = authority.issue("server"), authority.issue("client")
    key, table = entry()
    config = replace(
        server_config,
        store=tmp_path / "o.sqlite3",
        tls_certificate=pair.certificate,
        tls_key=pair.key,
        tls_client_ca=authority.certificate,
        api_keys=write_keys(tmp_path / "keys.toml", table),
    )
    file = tmp_path / "key"
    file.write_text(f"{key}\n")
    tls = Tls(authority.certificate, own.certificate, own.key, server_name="localhost")
    with RouterServer(config) as server:
        yield f"127.0.0.1:{server.port}", key, tls, file


@both
def test_a_client_shows_its_certificate_and_its_key(
    guarded: tuple[str, str, Tls, Path], decide: Decide
) -> None:
    address, key, tls, _ = guarded
    assert not decide(address, api_key=key, tls=tls).fell_back
    assert decide(address, tls=tls).error.reason == "KEY_MISSING"
    assert decide(address, api_key=key).error.code == "UNAVAILABLE"


def test_commands_connect_with_tls_and_a_key_from_a_file(
    guarded: tuple[str, str, Tls, Path], capsys: pytest.CaptureFixture[str]
) -> None:
    address, key, tls, file = guarded
    flags = [
        "--address", address, "--tls-ca", str(tls.ca), "--tls-certificate", str(tls.certificate),
        "--tls-key", str(tls.key),
    ]  # fmt: skip
    assert main(["health", *flags]) == 0
    assert main(["tiers", *flags, "--api-key-file", str(file)]) == 0
    assert main(["route", *flags, "--api-key-file", str(file), "--", "Name a fruit."]) == 0
    assert main(["tiers", *flags]) == 1
    captured = capsys.readouterr()
    assert "no API key given" in captured.err
    assert key not in captured.out + captured.err


def test_a_limited_caller_is_told_when_to_try_again(server_config: Config, tmp_path: Path) -> None:
    key, table = entry(more="requests_per_second = 0.01\nburst = 1")
    config = replace(
        server_config,
        store=tmp_path / "o.sqlite3",
        api_keys=write_keys(tmp_path / "keys.toml", table),
    )
    with (
        RouterServer(config) as server,
        RouterClient(f"127.0.0.1:{server.port}", api_key=key) as client,
    ):
        client.route(HELLO)
        with pytest.raises(CallError, match=r"may send 0\.01 requests a second") as caught:
            client.route(HELLO)
    assert caught.value.reason == "CALLER_RATE"
    assert 90.0 < caught.value.retry_seconds <= 100.0


def test_a_key_that_would_go_over_the_network_in_the_open_is_warned_of(
    caplog: pytest.LogCaptureFixture,
) -> None:
    RouterClient("127.0.0.1:1", api_key="rk_a").close()
    assert caplog.text == ""
    RouterClient("router.example:1", api_key="rk_a").close()
    assert "goes to router.example:1 without TLS" in caplog.text
    assert "rk_a" not in caplog.text


@pytest.mark.parametrize("key", ["", "rk a", "rk\n", "schlüssel"])
def test_a_key_that_cannot_be_one_is_refused_before_a_call(key: str) -> None:
    with pytest.raises(ConfigError, match="the API key is empty, or holds what no key holds"):
        RouterClient("127.0.0.1:1", api_key=key)


def test_tls_files_that_are_missing_are_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"nowhere\.pem: not readable"):
        RouterClient("127.0.0.1:1", tls=Tls(tmp_path / "nowhere.pem"))
    with pytest.raises(ConfigError, match="given together or not at all"):
        RouterClient("127.0.0.1:1", tls=Tls(certificate=tmp_path / "a.pem"))


def test_the_service_config_is_json_that_tries_again_only_what_nobody_looked_at() -> None:
    content = json.loads(SERVICE_CONFIG)
    (method,) = content["methodConfig"]
    service = pb.DESCRIPTOR.services_by_name["RouterService"].full_name
    assert method["name"] == [{"service": service}]
    assert method["retryPolicy"]["retryableStatusCodes"] == ["UNAVAILABLE", "CANCELLED"]
