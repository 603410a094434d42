"""TLS and mutual TLS on a real port, renewed certificates, and which addresses may be served."""

import logging
import os
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from certificates import Authority, Pair
from grpc_health.v1 import health_pb2, health_pb2_grpc

from router.addresses import is_loopback
from router.config import Config
from router.errors import ConfigError
from router.server.app import RouterServer
from router.server.tls import check_private
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

HELLO = pb.RouteRequest(prompt="Hello there!")


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def pair(authority: Authority) -> Pair:
    return authority.issue("server")


@pytest.fixture
def plain(server_config: Config, tmp_path: Path) -> Config:
    return replace(server_config, store=tmp_path / "outcomes.sqlite3")


@pytest.fixture
def secured(plain: Config, pair: Pair) -> Config:
    return replace(plain, tls_certificate=pair.certificate, tls_key=pair.key)


def credentials(authority: Authority, client: Pair | None = None) -> grpc.ChannelCredentials:
    roots = authority.certificate.read_bytes()
    if client is None:
        return grpc.ssl_channel_credentials(roots)
    return grpc.ssl_channel_credentials(
        roots, client.key.read_bytes(), client.certificate.read_bytes()
    )


def route(server: RouterServer, given: grpc.ChannelCredentials | None) -> pb.RouteResponse:
    address = f"127.0.0.1:{server.port}"
    channel = grpc.secure_channel(address, given) if given else grpc.insecure_channel(address)
    with channel:
        return RouterServiceStub(channel).Route(HELLO, timeout=10.0)


def is_refused(server: RouterServer, given: grpc.ChannelCredentials | None) -> bool:
    with pytest.raises(grpc.RpcError) as caught:
        route(server, given)
    return caught.value.code() == grpc.StatusCode.UNAVAILABLE


def test_a_client_that_trusts_the_authority_is_served_and_others_are_not(
    secured: Config, authority: Authority, tmp_path: Path
) -> None:
    with RouterServer(secured) as server:
        assert route(server, credentials(authority)).tier
        assert is_refused(server, None)
        assert is_refused(server, credentials(Authority(tmp_path, "another authority")))


def test_with_an_authority_for_clients_only_clients_it_has_signed_are_served(
    secured: Config, authority: Authority, tmp_path: Path
) -> None:
    clients = Authority(tmp_path, "client authority")
    with RouterServer(replace(secured, tls_client_ca=clients.certificate)) as server:
        assert route(server, credentials(authority, clients.issue("known"))).tier
        assert is_refused(server, credentials(authority))
        assert is_refused(server, credentials(authority, authority.issue("stranger")))


def test_a_renewed_certificate_is_used_without_a_restart_and_a_broken_one_is_not(
    plain: Config, authority: Authority, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, second = Authority(tmp_path, "first"), Authority(tmp_path, "second")
    used = first.issue("used")
    with RouterServer(replace(plain, tls_certificate=used.certificate, tls_key=used.key)) as server:
        assert route(server, credentials(first)).tier
        fresh = second.issue("fresh")
        fresh.key.replace(used.key)
        fresh.certificate.replace(used.certificate)
        assert route(server, credentials(second)).tier
        assert is_refused(server, credentials(first))
        used.certificate.write_text("no certificate")
        with caplog.at_level(logging.ERROR, "router.server"):
            assert route(server, credentials(second)).tier
    assert "the certificate in use stays: tls_certificate" in caplog.text


def test_the_health_port_answers_health_alone_and_knows_no_tls(secured: Config) -> None:
    with (
        RouterServer(replace(secured, health_address="127.0.0.1:0")) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.health_port}") as channel,
    ):
        request = health_pb2.HealthCheckRequest(service="readiness")
        answer = health_pb2_grpc.HealthStub(channel).Check(request, timeout=10.0)
        assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            RouterServiceStub(channel).Route(HELLO, timeout=10.0)
        assert caught.value.code() == grpc.StatusCode.UNIMPLEMENTED


def test_a_health_port_that_is_taken_is_refused_by_name(plain: Config) -> None:
    with (
        RouterServer(plain) as server,
        pytest.raises(ConfigError, match=r"health_address = .*cannot listen there"),
    ):
        RouterServer(replace(plain, health_address=f"127.0.0.1:{server.port}"))


@pytest.mark.parametrize(
    ("address", "loopback"),
    [
        ("127.0.0.1:1", True), ("127.8.9.1:1", True), ("localhost:1", True), ("[::1]:1", True),
        ("0.0.0.0:1", False), ("[::]:1", False), ("10.0.0.7:1", False), ("router.example:1", False),
    ],
)  # fmt: skip
def test_only_this_machine_reaches_a_loopback_address(address: str, loopback: bool) -> None:
    assert is_loopback(address) is loopback


def test_an_address_that_others_reach_needs_tls_and_keys_or_the_flag_which_warns(
    plain: Config, pair: Pair, caplog: pytest.LogCaptureFixture
) -> None:
    everywhere = replace(plain, address="0.0.0.0:0")
    with pytest.raises(ConfigError, match=r"TLS .* and API keys .* is not configured") as caught:
        RouterServer(everywhere)
    assert caught.value.reason == "CONFIG_EXPOSED"
    half = replace(everywhere, tls_certificate=pair.certificate, tls_key=pair.key)
    with pytest.raises(ConfigError, match=r"reach it, and API keys \(api_keys\) is not configured"):
        RouterServer(half)
    with RouterServer(replace(everywhere, insecure=True)) as server:
        assert route(server, None).tier
    assert "INSECURE: 0.0.0.0:0 is served without TLS" in caplog.text


def test_loopback_is_served_without_anything_and_without_a_warning(
    plain: Config, caplog: pytest.LogCaptureFixture
) -> None:
    with RouterServer(plain) as server:
        assert route(server, None).tier
    assert "INSECURE" not in caplog.text


@pytest.mark.parametrize(
    ("mode", "is_accepted"), [(0o600, True), (0o400, True), (0o640, False), (0o604, False)]
)
def test_a_key_of_our_own_is_closed_to_group_and_others(
    tmp_path: Path, mode: int, is_accepted: bool
) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    key.chmod(mode)
    if is_accepted:
        check_private("tls_key", key)
    else:
        with pytest.raises(ConfigError, match=rf"\(mode {mode:04o}\); run chmod 600"):
            check_private("tls_key", key)


def test_a_key_of_root_may_be_read_by_the_group_as_orchestrators_mount_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = tmp_path / "key.pem"
    key.touch()
    if key.stat().st_uid != 0:
        pytest.skip("files of root are made by root only")
    monkeypatch.setattr(os, "geteuid", lambda: 10001)
    key.chmod(0o440)
    check_private("tls_key", key)
    key.chmod(0o644)
    with pytest.raises(ConfigError, match="others may read"):
        check_private("tls_key", key)
    os.chown(key, 4242, 0)
    with pytest.raises(ConfigError, match="belongs to user 4242"):
        check_private("tls_key", key)
