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
        "max_waiting_calls": "8", "max_waiting_outcomes": "5",
        "max_message_bytes": "4096", "max_batch": "7", "max_messages": "6", "workers": "2",
        "metrics_address": "127.0.0.1:0", "traces": "true",
        "drain_delay_seconds": "1.5", "grace_seconds": "0.5", "audit_share": "0.02",
        "exploration_share": "0.1", "decision_log": "c.jsonl",
        "log_level": "error", "log_format": "json",
    }  # fmt: skip
    assert set(given) == {item.name for item in fields(Config)}
    config = load_config(None, {f"ROUTER_{name.upper()}": value for name, value in given.items()})
    assert config == Config(
        "[::1]:0", Path("1"), Path("true"), Path("a b.sqlite3"), False, 3, 9, 8, 5, 4096, 7, 6, 2,
        "127.0.0.1:0", True, 1.5, 0.5, 0.02, 0.1, Path("c.jsonl"), "error", "json",
    )  # fmt: skip


@pytest.mark.parametrize("address", ["0.0.0.0:0", "localhost:65535", "[::]:50051"])
def test_an_address_is_a_host_and_a_port(address: str) -> None:
    assert load_config(None, {"ROUTER_ADDRESS": address}).address == address


def test_metrics_are_off_until_they_have_an_address(tmp_path: Path) -> None:
    file = tmp_path / "router.toml"
    file.write_text('metrics_address = "127.0.0.1:9464"\n', encoding="utf-8")
    assert load_config(None, {}).metrics_address == ""
    assert load_config(file, {}).metrics_address == "127.0.0.1:9464"
    assert load_config(file, {"ROUTER_METRICS_ADDRESS": ""}).metrics_address == ""
