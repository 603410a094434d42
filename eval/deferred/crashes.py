"""Crashes where a process may die: around every commit, at statements, around files on disk.

After a crash nothing more is written, as if the process were gone: not even a rollback.
"""

import sqlite3
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from router.batch.files import File
from router.batch.outbox import Outbox
from router.ledger.database import Database

BOUNDARIES = {
    "before COMMIT", "after COMMIT", "before a file", "within a file", "after a file",
    "before deleting", "after deleting",
}  # fmt: skip


class Crash(BaseException):
    """The process has died."""


class CrashPlan:
    """Decides at each place whether the process dies there, and remembers that it did.

    Args:
        dies: Asked with the name of the place.

    Attributes:
        is_dead: Whether it did, since ``restart``.
        crashes: How often it did.
    """

    def __init__(self, dies: Callable[[str], bool]) -> None:
        self._dies = dies
        self.is_dead = False
        self.crashes = 0

    def at(self, place: str) -> None:
        """Pass a place, or die there.

        Raises:
            Crash: the process dies, or is dead.
        """
        if not self.is_dead and self._dies(place):
            self.is_dead = True
            self.crashes += 1
        if self.is_dead:
            raise Crash(place)

    def restart(self) -> None:
        """Begin a new process."""
        self.is_dead = False


class CrashingDatabase(Database):
    """A real database whose statements may be the last."""

    def __init__(self, path: Path, *rest: Any, plan: CrashPlan, **options: Any) -> None:
        self._plan = plan
        super().__init__(path, *rest, **options)

    def connection(self) -> sqlite3.Connection:
        """Return the connection, with crashes in it."""
        return _CrashingConnection(super().connection(), self._plan)  # type: ignore[return-value]  # as far as it is used


class _CrashingConnection:
    """What the store uses of a connection."""

    def __init__(self, real: sqlite3.Connection, plan: CrashPlan) -> None:
        self._real, self._plan = real, plan

    @property
    def in_transaction(self) -> bool:
        return self._real.in_transaction

    def execute(self, sql: str, parameters: Any = ()) -> sqlite3.Cursor:
        verb = sql.split(maxsplit=1)[0]
        self._plan.at(f"before {verb}")
        result = self._real.execute(sql, parameters)
        if verb == "COMMIT":
            self._plan.at("after COMMIT")
        return result

    def executemany(self, sql: str, parameters: Iterable[Any]) -> sqlite3.Cursor:
        self._plan.at(f"before many {sql.split(maxsplit=1)[0]}")
        return self._real.executemany(sql, parameters)


class CrashingOutbox(Outbox):
    """A real directory where writing and deleting may be the last."""

    def __init__(self, directory: Path, plan: CrashPlan) -> None:
        super().__init__(directory)
        self._plan = plan

    def write(self, name: str, text: Iterable[str]) -> Path:
        """Write a file, or die before, in the middle or after."""

        def torn() -> Iterable[str]:
            for place, piece in enumerate(text):
                if place == 1:
                    self._plan.at("within a file")
                yield piece

        self._plan.at("before a file")
        path = super().write(name, torn())
        self._plan.at("after a file")
        return path

    def delete(self, file: File) -> bool:
        """Delete a file, or die before or after."""
        self._plan.at("before deleting")
        is_gone = super().delete(file)
        self._plan.at("after deleting")
        return is_gone
