"""Configuration of the server: defaults, a TOML file, ROUTER_* environment variables, flags.

Unknown keys and unknown ROUTER_* variables are refused, so that a typing error is never a silent
default. The catalog (what may be routed to) is another file: ``router.catalog``.
"""

import ipaddress
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
        max_waiting_calls: Calls waiting to be taken up, and calls waiting for a thread, above
            which further ones are turned away.
        max_waiting_outcomes: Outcomes waiting for the disk above which RESOURCE_EXHAUSTED is
            answered.
        max_message_bytes: Largest request accepted.
        max_batch: Most requests in one RouteBatch.
        max_messages: Most messages in one request.
        workers: Processes that share the address, 1 to 64; with more than one, a control process
            keeps them up.
        metrics_address: host:port of the HTTP endpoint for Prometheus; empty for none.
        traces: Whether spans go to OpenTelemetry; needs the extra "otel".
        drain_delay_seconds: How long calls are still taken after health has turned NOT_SERVING,
            so that balancers can look away first.
        grace_seconds: Time calls in flight get when the server is asked to stop.
        audit_share: Probability with which a request under a contract is drawn for an audit, in
            [0, 1]; 0 watches nothing.
        exploration_share: Probability with which a tier is drawn at random among those the goal
            allows, in [0, 1].
        decision_log: JSON lines of every decision; None keeps none.
        admin: Whether AdminService is served, which takes a loopback address or api_keys.
        watch_seconds: Time between two looks at artifact, catalog and price files for new
            ones; 0 never looks.
        choice: JSON file that keeps what is in force over restarts, and tells other processes that
            have the same one; None keeps nothing.
        canary: Artifact that answers a share of sessions; None has none.
        canary_share: Share of sessions, in [0, 1].
        shadow: Artifact that decides a share of requests without effect; None has none.
        shadow_share: Probability for a request, in [0, 1].
        log_level: "debug", "info", "warning" or "error".
        log_format: "text", or "json" for one object a line.
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
            know neither; empty for none.
        artifact_public_key: PEM file of the Ed25519 key that must have signed the artifact.
    """

    address: str = "127.0.0.1:50051"
    artifact: Path = field(default_factory=default_artifact_directory)
    catalog: Path = field(default_factory=default_catalog_path)
    store: Path = Path("router-outcomes.sqlite3")
    reflection: bool = False
    threads: int = 4
    max_concurrent_calls: int = 1024
    max_waiting_calls: int = 256
    max_waiting_outcomes: int = 4096
    max_message_bytes: int = 16 * 1024 * 1024
    max_batch: int = 1024
    max_messages: int = 4096
    workers: int = 1
    metrics_address: str = ""
    traces: bool = False
    drain_delay_seconds: float = 0.0
    grace_seconds: float = 5.0
    audit_share: float = 0.0
    exploration_share: float = 0.0
    decision_log: Path | None = None
    admin: bool = False
    watch_seconds: float = 0.0
    choice: Path | None = None
    canary: Path | None = None
    canary_share: float = 0.0
    shadow: Path | None = None
    shadow_share: float = 0.0
    log_level: str = "info"
    log_format: str = "text"
    tls_certificate: Path | None = None
    tls_key: Path | None = None
    tls_client_ca: Path | None = None
    api_keys: Path | None = None
    caller_requests_per_second: float | None = None
    caller_burst: int = 100
    caller_max_in_flight: int | None = None
    insecure: bool = False
    health_address: str = ""
    artifact_public_key: Path | None = None


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
_FLAGS = {"reflection", "traces", "admin", "insecure"}
_SHARES = {"audit_share", "exploration_share", "canary_share", "shadow_share"}
_SECONDS = {"grace_seconds", "drain_delay_seconds", "watch_seconds"}
_CHOICES = {"log_level": ("debug", "info", "warning", "error"), "log_format": ("text", "json")}
_PATHS = {
    "artifact", "catalog", "store", "decision_log", "choice", "canary", "shadow",
    "tls_certificate", "tls_key", "tls_client_ca", "api_keys", "artifact_public_key",
}  # fmt: skip
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
        if not (is_none or _is_address(given)):
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


def is_loopback(address: str) -> bool:
    """Return whether only this machine reaches a host:port. A name other than localhost is not."""
    host = address.rpartition(":")[0].strip("[]")
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _is_address(text: str) -> bool:
    host, separator, port = text.rpartition(":")
    return bool(separator and host) and port.isdecimal() and int(port) <= 65_535
