"""A file of API keys: who, for what, until when, how much. Here it is only read and checked.

It is TOML with one ``[[keys]]`` table per key; ``python -m router keys new`` writes one.
"""

import datetime as dt
import math
import stat
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from router.access.scopes import SCOPES
from router.checked import CheckedTable
from router.errors import ConfigError

FORMAT = 1
_MOST_KEYS = 10_000
_DAY_SECONDS = 86_400.0
_ENTRY = {
    "id", "name", "sha256", "scopes", "expires",
    "requests_per_second", "burst", "max_in_flight",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CallerLimits:
    """How much one key may do; None limits nothing.

    Attributes:
        requests_per_second: On average, > 0. A batch counts as its requests.
        burst: At once, >= 1, after silence.
        max_in_flight: Calls that are being served at one time, >= 1.
    """

    requests_per_second: float | None = None
    burst: int = 100
    max_in_flight: int | None = None


@dataclass(frozen=True, slots=True)
class KeyEntry:
    """One key of the file. ``expires_at`` is in seconds since 1970, or infinite."""

    id: str
    name: str
    sha256: bytes
    scopes: frozenset[str]
    expires_at: float
    limits: CallerLimits


def read_keys(path: Path, limits: CallerLimits) -> list[KeyEntry]:
    """Read and check a file of keys.

    Raises:
        ConfigError: it is missing, malformed, or writable by others.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
        mode = stat.S_IMODE(path.stat().st_mode)
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{path}: not readable as a TOML file of API keys: {error}; make one with "
            "'python -m router keys new'",
            metadata={"file": str(path)},
        ) from error
    if mode & 0o022:
        raise ConfigError(
            f"{path}: others may write it (mode {mode:04o}), and so let themselves in; run "
            "chmod go-w on it",
            metadata={"file": str(path)},
        )
    return _entries(content, str(path), limits)


def _entries(content: Mapping[str, object], origin: str, limits: CallerLimits) -> list[KeyEntry]:
    table = CheckedTable(content, origin, "", ConfigError)
    table.refuse_unknown({"format", "keys"})
    if table.required("format") != FORMAT:
        raise table.error("format", content["format"], f"this release reads format {FORMAT}")
    if content.get("keys", []) == []:  # so that the last key can be revoked, too
        return []
    inner = table.tables("keys", _ENTRY)
    if len(inner) > _MOST_KEYS:
        raise table.error("keys", len(inner), f"at most {_MOST_KEYS} keys")
    entries = [_entry(one, limits) for one in inner]
    table.refuse_repeated("keys", "id", [entry.id for entry in entries])
    return entries


def _entry(table: CheckedTable, limits: CallerLimits) -> KeyEntry:
    scopes = table.texts("scopes")
    if not scopes or not scopes <= set(SCOPES):
        raise table.error("scopes", sorted(scopes), f"must be one or more of {list(SCOPES)}")
    digest = table.text("sha256")
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise table.error("sha256", "…", "must be the 64 hex digits 'keys new' gave, not a key")
    return KeyEntry(
        id=table.text("id"),
        name=table.text("name"),
        sha256=bytes.fromhex(digest),
        scopes=scopes,
        expires_at=_end_of_day(table),
        limits=CallerLimits(
            requests_per_second=limits.requests_per_second
            if "requests_per_second" not in table.content
            else table.number("requests_per_second", above=0.0, most=1e6),
            burst=limits.burst
            if "burst" not in table.content
            else table.integer("burst", 1, 1_000_000),
            max_in_flight=limits.max_in_flight
            if "max_in_flight" not in table.content
            else table.integer("max_in_flight", 1, 1_000_000),
        ),
    )


def _end_of_day(table: CheckedTable) -> float:
    """Return when a key ends: with the stated day, in UTC."""
    if "expires" not in table.content:
        return math.inf
    value = table.content["expires"]
    if not isinstance(value, dt.date) or isinstance(value, dt.datetime):
        raise table.error("expires", value, "must be a date such as 2027-06-30, without quotes")
    midnight = dt.datetime.combine(value, dt.time.min, tzinfo=dt.UTC)
    return midnight.timestamp() + _DAY_SECONDS  # no date follows the last of the calendar
