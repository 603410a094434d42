"""Settings: defaults, then a file, then the environment."""

from dataclasses import fields
from pathlib import Path

import pytest

from router.config import Config, load_config


def test_without_a_file_and_variables_the_defaults_hold() -> None:
    config = load_config(None, {"PATH": "/bin", "ROUTERS": "not ours"})
    assert config == Config()
    assert config.address.startswith("127.0.0.1:")
    assert config.artifact.name == "default"


def test_the_environment_wins_over_the_file_and_the_file_over_the_defaults(tmp_path: Path) -> None:
    file = tmp_path / "router.toml"
    file.write_text('threads = 8\nmax_batch = 10\nlog_level = "debug"\n', encoding="utf-8")
    config = load_config(file, {"ROUTER_THREADS": "2", "ROUTER_REFLECTION": "true"})
    assert (config.threads, config.max_batch, config.log_level) == (2, 10, "debug")
    assert config.reflection is True


def test_every_setting_can_be_given_by_a_variable() -> None:
    given = {
        "address": "[::1]:0", "artifact": "1", "catalog": "true", "store": "a b.sqlite3",
        "reflection": "false", "threads": "3", "max_concurrent_calls": "9",
        "max_message_bytes": "4096", "max_batch": "7", "max_messages": "6",
        "grace_seconds": "0.5", "audit_share": "0.02", "exploration_share": "0.1",
        "decision_log": "c.jsonl", "log_level": "error", "tls_certificate": "a.pem",
        "tls_key": "a.key", "tls_client_ca": "ca.pem", "api_keys": "keys.toml",
        "caller_requests_per_second": "2.5", "caller_burst": "5", "caller_max_in_flight": "4",
        "insecure": "true", "health_address": "[::]:1", "artifact_public_key": "pub.pem",
    }  # fmt: skip
    assert set(given) == {item.name for item in fields(Config)}
    config = load_config(None, {f"ROUTER_{name.upper()}": value for name, value in given.items()})
    assert config == Config(
        "[::1]:0", Path("1"), Path("true"), Path("a b.sqlite3"), False, 3, 9, 4096, 7, 6, 0.5,
        0.02, 0.1, Path("c.jsonl"), "error", Path("a.pem"), Path("a.key"), Path("ca.pem"),
        Path("keys.toml"), 2.5, 5, 4, True, "[::]:1", Path("pub.pem"),
    )  # fmt: skip


@pytest.mark.parametrize("address", ["0.0.0.0:0", "localhost:65535", "[::]:50051"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    assert load_config(None, {"ROUTER_ADDRESS": address}).address == address
