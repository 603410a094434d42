"""API keys on a real server: who gets in, to what, until when, and what a refusal says."""

import datetime as dt
import hashlib
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc
from grpc_status import rpc_status
from hypothesis import given, settings
from hypothesis import strategies as st
from key_files import bearer, entry, write_keys
from waiting import wait_until

from router.access.callers import Callers, current_caller
from router.access.keys import id_of, is_key_of, new_key
from router.access.keys_file import CallerLimits, read_keys
from router.access.scopes import ADMIN, RECORD, ROUTE, needed_scope
from router.client import CallError, RouterClient
from router.config import Config
from router.errors import ConfigError
from router.server.app import RouterServer
from router.server.open_calls import MOST_OPEN_CALLS
from router.v1 import admin_pb2
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

HELLO = pb.RouteRequest(prompt="Hello there!")
OUTCOME = pb.RecordOutcomeRequest(decision_id="d", request_id="keys", quality=0.5)


@pytest.fixture(scope="module")
def keys() -> dict[str, tuple[str, str]]:
    yesterday = dt.datetime.now(dt.UTC).date() - dt.timedelta(days=1)
    today = dt.datetime.now(dt.UTC).date() + dt.timedelta(days=1)  # over midnight, too
    return {
        "route": entry((ROUTE,)),
        "record": entry((RECORD,)),
        "both": entry((ROUTE, RECORD), more=f"expires = {today}"),
        "admin": entry((ADMIN,)),
        "over": entry((ROUTE,), more=f"expires = {yesterday}"),
    }


@pytest.fixture(scope="module")
def guarded(
    server_config: Config,
    keys: dict[str, tuple[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RouterServer]:
    directory = tmp_path_factory.mktemp("keys")
    file = write_keys(directory / "keys.toml", *(table for _, table in keys.values()))
    config = replace(
        server_config,
        store=directory / "outcomes.sqlite3",
        api_keys=file,
        reflection=True,
        admin=True,
    )
    with RouterServer(config) as server:
        yield server


@pytest.fixture(scope="module")
def stub(guarded: RouterServer) -> Iterator[RouterServiceStub]:
    with grpc.insecure_channel(f"127.0.0.1:{guarded.port}") as channel:
        yield RouterServiceStub(channel)


def refused(call: Callable[[], object]) -> tuple[grpc.StatusCode, str]:
    """Return code and reason of a refusal."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    info = error_details_pb2.ErrorInfo()
    assert rpc_status.from_call(caught.value).details[0].Unpack(info)
    assert info.domain == "router.v1"
    return caught.value.code(), info.reason


def test_a_key_is_taken_from_either_header(
    stub: RouterServiceStub, keys: dict[str, tuple[str, str]]
) -> None:
    key, _ = keys["route"]
    for metadata in (bearer(key), (("authorization", f"bearer {key}"),), (("x-api-key", key),)):
        assert stub.Route(HELLO, metadata=metadata, timeout=10.0).tier


def altered(key: str) -> str:
    return key[:-1] + ("A" if key[-1] != "A" else "B")


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        (lambda _: (), "KEY_MISSING"),
        (lambda _: (("authorization", ""),), "KEY_UNKNOWN"),
        (lambda key: (("authorization", f"Basic {key}"),), "KEY_UNKNOWN"),
        (lambda key: (("authorization", key),), "KEY_UNKNOWN"),
        (lambda key: bearer(altered(key)), "KEY_UNKNOWN"),
        (lambda key: bearer(key[:11]), "KEY_UNKNOWN"),
        (lambda key: bearer(key + "x"), "KEY_UNKNOWN"),
        (lambda _: bearer(new_key().secret_text), "KEY_UNKNOWN"),
        (lambda key: bearer(hashlib.sha256(key.encode()).hexdigest()), "KEY_UNKNOWN"),
    ],
)
def test_a_call_without_a_good_key_is_unauthenticated(
    stub: RouterServiceStub,
    keys: dict[str, tuple[str, str]],
    metadata: Callable[[str], tuple[tuple[str, str], ...]],
    reason: str,
) -> None:
    shown = metadata(keys["route"][0])
    code = refused(lambda: stub.Route(HELLO, metadata=shown, timeout=10.0))
    assert code == (grpc.StatusCode.UNAUTHENTICATED, reason)


def test_a_key_whose_last_day_has_passed_is_unauthenticated(
    stub: RouterServiceStub, keys: dict[str, tuple[str, str]]
) -> None:
    over, good = keys["over"][0], keys["both"][0]
    assert refused(lambda: stub.Route(HELLO, metadata=bearer(over), timeout=10.0)) == (
        grpc.StatusCode.UNAUTHENTICATED,
        "KEY_EXPIRED",
    )
    assert stub.Route(HELLO, metadata=bearer(good), timeout=10.0).tier


def test_a_key_is_good_for_its_scopes_only(
    stub: RouterServiceStub, keys: dict[str, tuple[str, str]]
) -> None:
    denied = (grpc.StatusCode.PERMISSION_DENIED, "SCOPE_MISSING")
    for name, may_route, may_record in (
        ("route", True, False), ("record", False, True), ("both", True, True),
        ("admin", False, False),
    ):  # fmt: skip
        given = bearer(keys[name][0])
        if may_route:
            assert stub.Route(HELLO, metadata=given, timeout=10.0).tier
        else:
            assert refused(lambda: stub.Route(HELLO, metadata=given, timeout=10.0)) == denied  # noqa: B023
        if may_record:
            stub.RecordOutcome(OUTCOME, metadata=given, timeout=10.0)
        else:
            assert refused(lambda: stub.RecordOutcome(OUTCOME, metadata=given)) == denied  # noqa: B023


@pytest.mark.parametrize(
    "method",
    [
        method
        for file in (pb.DESCRIPTOR, admin_pb2.DESCRIPTOR)
        for service in file.services_by_name.values()
        for method in service.methods
    ],
    ids=lambda method: method.name,
)
def test_no_method_of_the_contract_answers_without_a_key(
    guarded: RouterServer, method: object
) -> None:
    name = f"/{method.containing_service.full_name}/{method.name}"
    with grpc.insecure_channel(f"127.0.0.1:{guarded.port}") as channel:
        call = channel.unary_unary(name)
        code = refused(lambda: call(b"", timeout=10.0))
    assert code == (grpc.StatusCode.UNAUTHENTICATED, "KEY_MISSING")


def test_only_the_admin_scope_may_ask_or_change_what_is_in_force(
    guarded: RouterServer, keys: dict[str, tuple[str, str]]
) -> None:
    address = f"127.0.0.1:{guarded.port}"
    with RouterClient(address, api_key=keys["admin"][0]) as client:
        assert client.status().in_force.artifact_version
    for name in ("route", "record", "both"):
        with RouterClient(address, api_key=keys[name][0]) as client:
            for call in (client.status, client.rollback):
                with pytest.raises(CallError) as caught:
                    call()
                assert (caught.value.code, caught.value.reason) == (
                    "PERMISSION_DENIED",
                    "SCOPE_MISSING",
                )


def test_what_nobody_listed_needs_the_admin_scope() -> None:
    for name in ("/router.v1.AdminService/Rollback", "/router.v1.RouterService/New", "/x/y", ""):
        assert needed_scope(name) == ADMIN
    listed = [f"/router.v1.RouterService/{m.name}" for m in
              pb.DESCRIPTOR.services_by_name["RouterService"].methods]  # fmt: skip
    assert {needed_scope(name) for name in listed} == {ROUTE, RECORD}


def test_health_is_open_and_reflection_needs_a_key(
    guarded: RouterServer, keys: dict[str, tuple[str, str]]
) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{guarded.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        request = health_pb2.HealthCheckRequest(service="readiness")
        assert health.Check(request, timeout=10.0).status == health_pb2.HealthCheckResponse.SERVING
        reflection = reflection_pb2_grpc.ServerReflectionStub(channel)

        def listed(**more: object) -> list[str]:
            asked = reflection_pb2.ServerReflectionRequest(list_services="")
            answers = reflection.ServerReflectionInfo(iter([asked]), timeout=10.0, **more)
            return [item.name for item in next(answers).list_services_response.service]

        assert refused(listed) == (grpc.StatusCode.UNAUTHENTICATED, "KEY_MISSING")
        assert "router.v1.RouterService" in listed(metadata=bearer(keys["route"][0]))


def test_calls_without_a_key_cannot_take_all_places(
    guarded: RouterServer, stub: RouterServiceStub, keys: dict[str, tuple[str, str]]
) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{guarded.port}") as channel:
        health = health_pb2_grpc.HealthStub(channel)
        asked = health_pb2.HealthCheckRequest(service="readiness")
        watching = [health.Watch(asked) for _ in range(MOST_OPEN_CALLS)]
        assert all(next(answers) for answers in watching)  # all are in
        for _ in range(3):
            assert health.Check(asked, timeout=10.0).status
        # The oldest one made room, and since a check ends at once, it was the only one.
        assert refused(lambda: next(watching[0])) == (
            grpc.StatusCode.RESOURCE_EXHAUSTED,
            "OPEN_CALLS",
        )
        assert all(answers.is_active() for answers in watching[1:])
        assert stub.Route(HELLO, metadata=bearer(keys["route"][0]), timeout=10.0).tier
        for answers in watching:
            answers.cancel()
    end = time.monotonic() + 20.0
    while len(guarded.gate.open_calls):
        assert time.monotonic() < end, "ended calls are still counted"
        time.sleep(0.01)


def test_calls_that_never_send_what_they_ask_keep_nobody_from_asking(
    guarded: RouterServer,
) -> None:
    let_go = threading.Event()

    def silent() -> Iterator[bytes]:
        let_go.wait(30.0)
        yield from ()

    with grpc.insecure_channel(f"127.0.0.1:{guarded.port}") as channel:
        call = channel.stream_unary("/grpc.health.v1.Health/Check")
        held = [call.future(silent(), timeout=60.0) for _ in range(MOST_OPEN_CALLS + 9)]
        wait_until(lambda: sum(one.done() for one in held) == 9)
        health = health_pb2_grpc.HealthStub(channel)
        asked = health_pb2.HealthCheckRequest(service="readiness")
        assert health.Check(asked, timeout=10.0).status == health_pb2.HealthCheckResponse.SERVING
        let_go.set()
        for one in held:
            one.cancel()


def test_an_unknown_method_is_unimplemented_for_who_may_know_and_unauthenticated_for_others(
    guarded: RouterServer, keys: dict[str, tuple[str, str]]
) -> None:
    with grpc.insecure_channel(f"127.0.0.1:{guarded.port}") as channel:
        call = channel.unary_unary("/router.v1.RouterService/NoSuchMethod")
        assert refused(lambda: call(b"", timeout=10.0))[1] == "KEY_MISSING"
        with pytest.raises(grpc.RpcError) as caught:
            call(b"", metadata=bearer(keys["admin"][0]), timeout=10.0)
    assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


@given(shown=st.text(max_size=80))
@settings(deadline=None)
def test_no_text_is_taken_for_a_key_or_upsets_the_look_at_it(shown: str) -> None:
    key = new_key()
    for text in (
        shown,
        f"rk_{shown}",
        f"{key.secret_text[:12]}{shown}",
        f"{key.secret_text}{shown}",
    ):
        identifier = id_of(text)
        assert identifier is None or len(identifier) <= 8
        assert is_key_of(text, bytes.fromhex(key.sha256)) == (text == key.secret_text)


@given(content=st.text(max_size=200) | st.binary(max_size=200))
@settings(deadline=None)
def test_a_file_of_keys_of_any_content_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, content: str | bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any-keys.toml"
    data = content if isinstance(content, bytes) else f"format = 1\n{content}".encode()
    file.write_bytes(data)
    with suppress(ConfigError):
        read_keys(file, CallerLimits())


def test_a_refused_call_is_not_read_and_is_counted(guarded: RouterServer) -> None:
    labels = ("UNAUTHENTICATED", "KEY_MISSING")
    before = guarded.gate.refused[labels]
    with grpc.insecure_channel(f"127.0.0.1:{guarded.port}") as channel:
        call = channel.unary_unary("/router.v1.RouterService/Route")
        # No message at all would be INVALID_ARGUMENT if anybody parsed it.
        assert refused(lambda: call(b"\xff" * 1000, timeout=10.0))[1] == "KEY_MISSING"
    assert guarded.gate.refused[labels] == before + 1
    assert guarded.snapshot()["router_errors_total"][labels] == [before + 1]


@contextmanager
def seen_callers(server: RouterServer) -> Iterator[list[str]]:
    """Note who is calling inside two methods, one on the loop and one in a thread."""
    names: list[str] = []
    engine = server.engine
    route, many = type(engine).route, type(engine).route_many

    def note(what: Callable[..., object]) -> Callable[..., object]:
        def noted(self: object, *given: object) -> object:
            names.append(current_caller().name)
            return what(self, *given)

        return noted

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(type(engine), "route", note(route))
        patch.setattr(type(engine), "route_many", note(many))
        yield names


def test_methods_know_who_is_calling_on_the_loop_and_in_threads(
    guarded: RouterServer, stub: RouterServiceStub, keys: dict[str, tuple[str, str]]
) -> None:
    given = bearer(keys["both"][0])
    with seen_callers(guarded) as names:
        stub.Route(HELLO, metadata=given, timeout=10.0)
        stub.RouteBatch(pb.RouteBatchRequest(requests=[HELLO]), metadata=given, timeout=10.0)
    assert names == ["team", "team"]
    assert current_caller() is None


def test_a_key_is_256_random_bits_and_only_its_hash_is_stored(tmp_path: Path) -> None:
    made = {new_key().secret_text for _ in range(100)}
    assert len(made) == 100
    assert {len(text) for text in made} == {len("rk_12345678_") + 43}  # 32 bytes as base64url
    key, table = entry()
    file = write_keys(tmp_path / "keys.toml", table)
    # The secret may hold "_" itself, so it is cut off behind the fixed length of what precedes it.
    assert key[len("rk_12345678_") :] not in file.read_text(encoding="utf-8")
    (read,) = read_keys(file, CallerLimits())
    assert is_key_of(key, read.sha256)
    assert not is_key_of(altered(key), read.sha256)


def test_a_file_of_keys_that_others_may_write_is_refused(tmp_path: Path) -> None:
    file = write_keys(tmp_path / "keys.toml", entry()[1])
    file.chmod(0o622)
    with pytest.raises(ConfigError, match=r"others may write it \(mode 0622\)"):
        Callers(file, CallerLimits())
