"""A table of a configuration file whose every refusal names file, key, value and rule.

Here are only the checks shared by the catalog and the configuration; what the keys mean stands
there.
"""

import math
from collections.abc import Mapping
from typing import Any

from router.errors import RouterError


class CheckedTable:
    """A TOML table with its place in the file, so that every refusal can name the key."""

    def __init__(
        self, content: Mapping[str, Any], origin: str, place: str, error_class: type[RouterError]
    ) -> None:
        self.content = content
        self.origin = origin
        self.place = place
        self._error_class = error_class

    def error(self, key: str, given: object, rule: str) -> RouterError:
        """Return the error that names file, key, what was given and what is allowed."""
        where = f"{self.place}.{key}" if self.place else key
        return self._error_class(
            f"{self.origin}: {where} = {given!r}: {rule}",
            metadata={"file": self.origin, "key": where, "given": repr(given)},
        )

    def refuse_unknown(self, known: set[str]) -> None:
        """Refuse keys that are not in ``known``."""
        for key in self.content:
            if key not in known:
                raise self.error(
                    key, self.content[key], f"unknown key; known keys: {sorted(known)}"
                )

    def refuse_repeated(self, tables: str, key: str, values: list[str]) -> None:
        """Refuse two tables of a list with the same value of ``key``."""
        seen: set[str] = set()
        for index, value in enumerate(values):
            if value in seen:
                raise self.error(f"{tables}[{index}].{key}", value, "used twice; must be unique")
            seen.add(value)

    def required(self, key: str) -> object:
        """Return the value of ``key``; refuse its absence."""
        if key not in self.content:
            raise self.error(key, None, "missing; it must be given")
        return self.content[key]

    def text(self, key: str) -> str:
        """Return a non-empty string."""
        value = self.required(key)
        if not isinstance(value, str) or not value.strip():
            raise self.error(key, value, "must be a non-empty string")
        return value

    def texts(self, key: str) -> frozenset[str]:
        """Return a list of non-empty strings as a set; empty when absent."""
        value = self.content.get(key, [])
        if not isinstance(value, list) or not all(isinstance(v, str) and v for v in value):
            raise self.error(key, value, "must be a list of non-empty strings")
        return frozenset(value)

    def flag(self, key: str, default: bool = False) -> bool:
        """Return a boolean; ``default`` when absent."""
        value = self.content.get(key, default)
        if not isinstance(value, bool):
            raise self.error(key, value, "must be true or false")
        return value

    def integer(self, key: str, least: int, most: int) -> int:
        """Return a whole number from ``least`` to ``most``."""
        value = self.required(key)
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.error(key, value, f"must be a whole number from {least} to {most}")
        return value

    def number(
        self,
        key: str,
        *,
        least: float | None = None,
        above: float | None = None,
        most: float | None = None,
        below: float | None = None,
    ) -> float:
        """Return a finite number within the stated bounds."""
        value = self.required(key)
        usable = isinstance(value, int | float) and not isinstance(value, bool)
        try:
            result = float(value) if isinstance(value, int | float) and usable else math.nan
        except OverflowError:  # a whole number beyond every float
            result = math.inf
        if (
            not math.isfinite(result)
            or (least is not None and result < least)
            or (above is not None and result <= above)
            or (most is not None and result > most)
            or (below is not None and result >= below)
        ):
            bounds = [
                text
                for bound, text in (
                    (least, f">= {least}"),
                    (above, f"> {above}"),
                    (most, f"<= {most}"),
                    (below, f"< {below}"),
                )
                if bound is not None
            ]
            raise self.error(key, value, f"must be a finite number {' and '.join(bounds)}")
        return result

    def optional_number(
        self,
        key: str,
        *,
        least: float | None = None,
        above: float | None = None,
        most: float | None = None,
        below: float | None = None,
    ) -> float | None:
        """Return None when absent, else as ``number``."""
        if key not in self.content:
            return None
        return self.number(key, least=least, above=above, most=most, below=below)

    def table(self, key: str, known: set[str]) -> "CheckedTable":
        """Return an inner table with only ``known`` keys."""
        value = self.required(key)
        if not isinstance(value, dict):
            raise self.error(key, value, "must be a table")
        place = f"{self.place}.{key}" if self.place else key
        inner = CheckedTable(value, self.origin, place, self._error_class)
        inner.refuse_unknown(known)
        return inner

    def tables(self, key: str, known: set[str]) -> list["CheckedTable"]:
        """Return a list of one or more tables, each with only ``known`` keys."""
        value = self.required(key)
        if not isinstance(value, list) or not value or not all(isinstance(v, dict) for v in value):
            raise self.error(key, value, f"must be one or more [[{key}]] tables")
        place = f"{self.place}.{key}" if self.place else key
        result = [
            CheckedTable(item, self.origin, f"{place}[{i}]", self._error_class)
            for i, item in enumerate(value)
        ]
        for inner in result:
            inner.refuse_unknown(known)
        return result
