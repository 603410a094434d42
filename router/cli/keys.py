"""``keys``: make an API key, and list what a file of keys admits. The key itself is shown once."""

import argparse
import datetime as dt
import json
import math
import os
import time
from pathlib import Path

from router.access.keys import NewKey, new_key
from router.access.keys_file import FORMAT, CallerLimits, KeyEntry, read_keys
from router.access.scopes import SCOPES
from router.cli.table import lines_of_table
from router.errors import ConfigError


def add_keys(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``keys new`` and ``keys list``."""
    parser = commands.add_parser("keys", help="make an API key, or list the keys of a file")
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    new = actions.add_parser(
        "new",
        help="make a key; its hash goes into the file, the key itself is printed once",
        description="Make a key of 256 random bits and add its hash to a file of keys. A running "
        "server takes it in a second or two. To revoke a key, remove its [[keys]] table.",
    )
    new.add_argument("--file", type=Path, required=True, help="file of keys; made when absent")
    new.add_argument("--name", required=True, help="whom the key is for, such as a team")
    new.add_argument(
        "--scopes",
        required=True,
        metavar="LIST",
        help=f"what it is for, with commas between: {', '.join(SCOPES)}",
    )
    new.add_argument(
        "--expires", type=dt.date.fromisoformat, metavar="DAY", help="last day, such as 2027-06-30"
    )
    new.set_defaults(run=make)
    listing = actions.add_parser("list", help="list the keys of a file, and check it")
    listing.add_argument("--file", type=Path, required=True, help="file of keys")
    listing.set_defaults(run=list_keys)


def make(arguments: argparse.Namespace) -> int:
    """Add a key to a file and print it; return 0.

    Raises:
        ConfigError: the name or a scope cannot be used, the file is refused or cannot be written.
    """
    scopes = [scope.strip() for scope in arguments.scopes.split(",")]
    unknown = sorted(set(scopes) - set(SCOPES))
    if unknown:
        raise ConfigError(f"--scopes {arguments.scopes}: {unknown} unknown; use {list(SCOPES)}")
    if not arguments.name.strip() or not arguments.name.isprintable():
        raise ConfigError(f"--name {arguments.name!r}: must be printable text, not blank")
    path: Path = arguments.file
    if path.exists():
        read_keys(path, CallerLimits())
    key = new_key()
    _append(path, key, arguments.name, scopes, arguments.expires)
    print(key.secret_text)
    return 0


def _append(path: Path, key: NewKey, name: str, scopes: list[str], expires: dt.date | None) -> None:
    lines = [
        "",
        "[[keys]]",
        f'id = "{key.id}"',
        f"name = {json.dumps(name, ensure_ascii=False)}",
        f'sha256 = "{key.sha256}"',
        f"scopes = {json.dumps(scopes)}",
    ]
    if expires is not None:
        lines.append(f"expires = {expires.isoformat()}")
    text = "\n".join(lines) + "\n"
    # A copy takes the file's place, so that a server never reads half of it.
    fresh = path.with_name(f"{path.name}.new")
    try:
        before = path.read_text(encoding="utf-8") if path.exists() else f"format = {FORMAT}\n"
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(before.rstrip("\n") + "\n" + text)
        if path.exists():
            fresh.chmod(path.stat().st_mode & 0o777)
        fresh.replace(path)
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be written ({error}); nothing was made", metadata={"file": str(path)}
        ) from error


def list_keys(arguments: argparse.Namespace) -> int:
    """Print a table of the keys of a file; return 0.

    Raises:
        ConfigError: the file is refused.
    """
    entries = read_keys(arguments.file, CallerLimits())
    header = ("id", "name", "scopes", "last day", "requests/s", "in flight")
    print("\n".join(lines_of_table(header, [_row(entry) for entry in entries], right=(4, 5))))
    return 0


def _row(entry: KeyEntry) -> tuple[str, ...]:
    day = "none"
    if not math.isinf(entry.expires_at):
        last = dt.datetime.fromtimestamp(entry.expires_at - 1.0, tz=dt.UTC).date()
        day = f"{last}{' (over)' if time.time() >= entry.expires_at else ''}"
    limits = entry.limits
    rate = "server's" if limits.requests_per_second is None else f"{limits.requests_per_second:g}"
    most = "server's" if limits.max_in_flight is None else str(limits.max_in_flight)
    return (entry.id, entry.name, " ".join(sorted(entry.scopes)), day, rate, most)
