"""Where settings come from: defaults, a TOML file, ROUTER_* environment variables, flags.

Unknown keys and unknown ROUTER_* variables are refused, so that a typing error is never a silent
default. What the settings are is ``router.config``.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from router.addresses import is_address, is_loopback
from router.checked import CheckedTable
from router.config import Config
from router.errors import ConfigError

_PREFIX = "ROUTER_"

_RANGES = {
    "threads": (1, 256),
    "max_concurrent_calls": (1, 1_000_000),
    "max_waiting_calls": (1, 1_000_000),
    "max_waiting_outcomes": (1, 1_000_000),
    "max_message_bytes": (1024, 2**31 - 1),
    "max_batch": (1, 1_000_000),
    "max_messages": (1, 1_000_000),
    "workers": (1, 64),
    "caller_burst": (1, 1_000_000),
    "caller_max_in_flight": (1, 1_000_000),
}
_FLAGS = {"reflection", "traces", "otlp_metrics", "admin", "insecure"}
_SHARES = {"audit_share", "exploration_share", "canary_share", "shadow_share"}
_SECONDS = {"grace_seconds", "drain_delay_seconds", "watch_seconds"}
_CHOICES = {"log_level": ("debug", "info", "warning", "error"), "log_format": ("text", "json")}
_PATHS = {
    "artifact", "catalog", "store", "decision_log", "choice", "canary", "shadow",
    "tls_certificate", "tls_key", "tls_client_ca", "api_keys", "artifact_public_key",
}  # fmt: skip
_WRITTEN = ("decision_log", "choice", "store")
_ADDRESSES = ("address", "metrics_address", "health_address")
_TEXTS = _PATHS | {*_ADDRESSES, *_CHOICES}
_KEYS = {item.name for item in fields(Config)}


def load_config(
    path: Path | None = None,
    environment: Mapping[str, str] | None = None,
    *,
    flags: Mapping[str, Any] | None = None,
) -> Config:
    """Return the configuration of an optional file, the environment and flags; the last wins.

    Args:
        path: TOML file, or None.
        environment: Defaults to ``os.environ``.
        flags: Settings of the command line by their keys, paths as text.

    Raises:
        ConfigError: file missing or not TOML, an unknown key or variable, a value out of range,
            settings that do not go together.
    """
    config = Config()
    if path is not None:
        try:
            content = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise ConfigError(
                f"{path}: not readable as TOML: {error}", metadata={"file": str(path)}
            ) from error
        config = _apply(config, content, str(path))
    given = os.environ if environment is None else environment
    variables = {
        name.removeprefix(_PREFIX).lower(): value
        for name, value in given.items()
        if name.startswith(_PREFIX)
    }
    config = _apply(config, _typed(variables), "environment (ROUTER_*)")
    return _check_together(_apply(config, flags or {}, "command line"))


def _typed(variables: Mapping[str, str]) -> dict[str, Any]:
    """Read each variable as the TOML value it would be, so that one set of checks serves both."""
    typed: dict[str, Any] = {}
    for key, text in variables.items():
        try:
            typed[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            typed[key] = text
        if key in _TEXTS:
            typed[key] = text
    return typed


def _apply(config: Config, content: Mapping[str, Any], origin: str) -> Config:
    table = CheckedTable(content, origin, "", ConfigError)
    table.refuse_unknown(_KEYS)
    changes = {key: _value(table, key) for key in content}
    for key, choices in _CHOICES.items():
        if key in changes and changes[key] not in choices:
            raise table.error(key, changes[key], f"must be one of {list(choices)}")
    for key in _ADDRESSES:
        given = changes.get(key, getattr(config, key))
        is_none = key != "address" and given == ""
        if not (is_none or is_address(given)):
            raise table.error(key, given, "must be host:port")
    return replace(config, **changes)


def _value(table: CheckedTable, key: str) -> Any:
    """Return the checked value of a known key."""
    if key in _RANGES:
        return table.integer(key, *_RANGES[key])
    if key in _FLAGS:
        return table.flag(key)
    if key in _SECONDS:
        return table.number(key, least=0.0, most=3600.0)
    if key in _SHARES:
        return table.number(key, least=0.0, most=1.0)
    if key == "caller_requests_per_second":
        return table.number(key, above=0.0, most=1e6)
    if key in _ADDRESSES[1:] and table.content[key] == "":
        return ""
    return Path(table.text(key)) if key in _PATHS else table.text(key)


def _check_together(config: Config) -> Config:
    """Refuse settings that are right each and wrong together."""
    table = CheckedTable({}, "configuration", "", ConfigError)
    for key in ("canary", "shadow"):
        directory, share = getattr(config, key), getattr(config, f"{key}_share")
        if (directory is None) != (share == 0.0):
            given = share if directory is None else str(directory)
            at = f"{key}_share" if directory is None else key
            raise table.error(at, given, f"{key} and {key}_share above 0 go together")
    _refuse_shared(table, config)
    if config.admin and config.api_keys is None and not is_loopback(config.address):
        raise table.error(
            "admin",
            True,
            "without api_keys AdminService has no guard, so it is served on a loopback address "
            f"only, and not on {config.address}: give api_keys, or listen on 127.0.0.1",
        )
    if config.admin and config.workers > 1 and config.choice is None:
        raise table.error(
            "choice",
            None,
            f"with admin and {config.workers} workers a file must be given by which all of them "
            "follow a change that one was asked for, such as router-choice.json",
        )
    return config


def _refuse_shared(table: CheckedTable, config: Config) -> None:
    """Refuse one path for two purposes where one of them writes: it would destroy the other."""
    paths = {key: getattr(config, key) for key in sorted(_PATHS)}
    place_of = {
        key: os.path.abspath(path)  # noqa: PTH100 - resolve() fails where links lead in circles
        for key, path in paths.items()
        if path is not None
    }
    for key in _WRITTEN:
        for other, place in place_of.items():
            if other != key and place == place_of.get(key):
                raise table.error(
                    key, str(paths[key]), f"is {other}, too; give each a file of its own"
                )
