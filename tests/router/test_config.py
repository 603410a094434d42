"""Settings: defaults, then a file, then the environment."""

from dataclasses import fields
from pathlib import Path

import pytest

from router.config import Config
from router.config_sources import load_config


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
    given: dict[str, tuple[str, object]] = {
        "address": ("[::1]:0", "[::1]:0"),
        "artifact": ("1", Path("1")),
        "catalog": ("true", Path("true")),
        "store": ("a b.sqlite3", Path("a b.sqlite3")),
        "reflection": ("true", True),
        "threads": ("3", 3),
        "max_concurrent_calls": ("9", 9),
        "max_waiting_calls": ("11", 11),
        "max_waiting_outcomes": ("8", 8),
        "max_message_bytes": ("4096", 4096),
        "max_batch": ("7", 7),
        "max_messages": ("6", 6),
        "workers": ("1", 1),
        "metrics_address": ("127.0.0.1:0", "127.0.0.1:0"),
        "traces": ("true", True),
        "otlp_metrics": ("true", True),
        "drain_delay_seconds": ("0.25", 0.25),
        "grace_seconds": ("0.5", 0.5),
        "audit_share": ("0.02", 0.02),
        "exploration_share": ("0.1", 0.1),
        "decision_log": ("c.jsonl", Path("c.jsonl")),
        "admin": ("true", True),
        "watch_seconds": ("5", 5.0),
        "choice": ("d.json", Path("d.json")),
        "canary": ("new", Path("new")),
        "canary_share": ("0.05", 0.05),
        "shadow": ("newer", Path("newer")),
        "shadow_share": ("1", 1.0),
        "log_level": ("error", "error"),
        "log_format": ("json", "json"),
        "tls_certificate": ("a.pem", Path("a.pem")),
        "tls_key": ("a.key", Path("a.key")),
        "tls_client_ca": ("ca.pem", Path("ca.pem")),
        "api_keys": ("keys.toml", Path("keys.toml")),
        "caller_requests_per_second": ("2.5", 2.5),
        "caller_burst": ("5", 5),
        "caller_max_in_flight": ("4", 4),
        "insecure": ("true", True),
        "health_address": ("[::]:1", "[::]:1"),
        "artifact_public_key": ("pub.pem", Path("pub.pem")),
    }
    assert set(given) == {item.name for item in fields(Config)}
    variables = {f"ROUTER_{name.upper()}": text for name, (text, _) in given.items()}
    expected = Config(**{name: value for name, (_, value) in given.items()})
    assert load_config(None, variables) == expected


@pytest.mark.parametrize("address", ["0.0.0.0:0", "localhost:65535", "[::]:50051"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    assert load_config(None, {"ROUTER_ADDRESS": address}).address == address


def test_metrics_are_off_until_they_have_an_address(tmp_path: Path) -> None:
    file = tmp_path / "router.toml"
    file.write_text('metrics_address = "127.0.0.1:9464"\n', encoding="utf-8")
    assert load_config(None, {}).metrics_address == ""
    assert load_config(file, {}).metrics_address == "127.0.0.1:9464"
    assert load_config(file, {"ROUTER_METRICS_ADDRESS": ""}).metrics_address == ""
