"""Configuration of the server: defaults, a TOML file, ROUTER_* environment variables, flags.

Unknown keys and unknown ROUTER_* variables are refused, so that a typing error is never a silent
default. The catalog (what may be routed to) is another file: ``router.catalog``.
"""

import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from router.checked import CheckedTable
from router.defaults import default_artifact_directory, default_catalog_path
from router.errors import ConfigError

_PREFIX = "ROUTER_"


@dataclass(frozen=True, slots=True)
class Config:
    """All settings of ``python -m router serve``.

    Attributes:
        address: host:port to listen on; port 0 takes a free one. Loopback by default.
        artifact: Artifact directory.
        catalog: Catalog file.
        store: SQLite file that keeps recorded outcomes; created when absent.
        reflection: Whether gRPC server reflection is on.
        threads: Worker threads, 1 to 256.
        max_concurrent_calls: Calls in flight above which RESOURCE_EXHAUSTED is answered.
        max_message_bytes: Largest request accepted.
        max_batch: Most requests in one RouteBatch.
        max_messages: Most messages in one request.
        grace_seconds: Time calls in flight get when the server is asked to stop.
        audit_share: Probability with which a request under a contract is drawn for an audit, in
            [0, 1]; 0 watches nothing.
        exploration_share: Probability with which a tier is drawn at random among those the goal
            allows, in [0, 1].
        decision_log: JSON lines of every decision; None keeps none.
        log_level: "debug", "info", "warning" or "error".
        tls_certificate: PEM file of the server's certificate chain; None serves without TLS.
        tls_key: PEM file of its private key, readable by nobody else.
        tls_client_ca: PEM file of authorities; a client must then show a certificate of one.
        api_keys: TOML file of the keys callers must show; None asks for none.
        caller_requests_per_second: Requests each key may send a second on average; None limits
            none. A key's own entry in the file of keys comes before these three.
        caller_burst: Requests a key may send at once when it has been silent.
        caller_max_in_flight: Calls of one key in flight; None limits none.
        insecure: Whether an address that others can reach may be served without TLS and keys.
        health_address: host:port that answers health only, without TLS and keys, for probes that
            know neither; None serves health on ``address`` alone.
        artifact_public_key: PEM file of the Ed25519 key that must have signed the artifact.
    """

    address: str = "127.0.0.1:50051"
    artifact: Path = field(default_factory=default_artifact_directory)
    catalog: Path = field(default_factory=default_catalog_path)
    store: Path = Path("router-outcomes.sqlite3")
    reflection: bool = False
    threads: int = 4
    max_concurrent_calls: int = 1024
    max_message_bytes: int = 16 * 1024 * 1024
    max_batch: int = 1024
    max_messages: int = 4096
    grace_seconds: float = 5.0
    audit_share: float = 0.0
    exploration_share: float = 0.0
    decision_log: Path | None = None
    log_level: str = "info"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    api_keys: Path | None = None
    caller_requests_per_second: float | None = None
    caller_burst: int = 100
    caller_max_in_flight: int | None = None
    insecure: bool = False
    health_address: str | None = None
    artifact_public_key: Path | None = None


_RANGES = {
    "threads": (1, 256),
    "max_concurrent_calls": (1, 1_000_000),
    "max_message_bytes": (1024, 2**31 - 1),
    "max_batch": (1, 1_000_000),
    "max_messages": (1, 1_000_000),
    "caller_burst": (1, 1_000_000),
    "caller_max_in_flight": (1, 1_000_000),
}
_SECURITY_FILES = {
    "tls_certificate", "tls_key", "tls_client_ca", "api_keys", "artifact_public_key",
}  # fmt: skip
_FILES = {"artifact", "catalog", "store", "decision_log"} | _SECURITY_FILES
_TEXTS = {"address", "health_address", "log_level"}
_LEVELS = ("debug", "info", "warning", "error")
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
        ConfigError: file missing or not TOML, an unknown key or variable, a value out of range.
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
    return _apply(config, flags or {}, "command line")


def _typed(variables: Mapping[str, str]) -> dict[str, Any]:
    """Read each variable as the TOML value it would be, so that one set of checks serves both."""
    typed: dict[str, Any] = {}
    for key, text in variables.items():
        try:
            typed[key] = tomllib.loads(f"value = {text}")["value"]
        except tomllib.TOMLDecodeError:
            typed[key] = text
        if key in _FILES | _TEXTS:
            typed[key] = text
    return typed


def _apply(config: Config, content: Mapping[str, Any], origin: str) -> Config:
    table = CheckedTable(content, origin, "", ConfigError)
    table.refuse_unknown(_KEYS)
    changes: dict[str, Any] = {}
    for key in content:
        if key in _RANGES:
            changes[key] = table.integer(key, *_RANGES[key])
        elif key in {"reflection", "insecure"}:
            changes[key] = table.flag(key)
        elif key == "grace_seconds":
            changes[key] = table.number(key, least=0.0, most=3600.0)
        elif key in {"audit_share", "exploration_share"}:
            changes[key] = table.number(key, least=0.0, most=1.0)
        elif key == "caller_requests_per_second":
            changes[key] = table.number(key, above=0.0, most=1e6)
        elif key in _FILES:
            changes[key] = Path(table.text(key))
        else:
            changes[key] = table.text(key)
    if changes.get("log_level", "info") not in _LEVELS:
        raise table.error("log_level", changes["log_level"], f"must be one of {list(_LEVELS)}")
    for key in ("address", "health_address"):
        host, separator, port = changes.get(key, config.address).rpartition(":")
        if not separator or not host or not port.isdecimal() or int(port) > 65_535:
            raise table.error(key, changes.get(key), "must be host:port")
    return replace(config, **changes)
