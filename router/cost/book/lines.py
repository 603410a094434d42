"""A price book as a file: JSON lines, one row each, every key checked.

Numbers are read as decimals, never through a float. What a row means is ``router.cost.book.rows``.
"""

import json
import math
from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from router.checked import CheckedTable
from router.cost.book.book import PriceBook
from router.cost.book.rows import Mode, PriceClass, PriceRow, ServiceTier
from router.errors import PriceError

_KEYS = {
    "provider", "model", "class", "above_input_tokens", "mode", "service_tier", "valid_from",
    "valid_to", "usd_per_million", "as_of", "source",
}  # fmt: skip
_DEFAULTS = {"above_input_tokens": 0, "mode": "sync", "service_tier": "standard"}
_MOST_TOKENS = 1_000_000_000

Choice = TypeVar("Choice", bound=StrEnum)


def load_book(paths: Sequence[Path]) -> PriceBook:
    """Read files of rows; where two rows begin on the same day, the one of the later file wins.

    Raises:
        PriceError: a file is missing or a line is refused; the message names both.
    """
    return PriceBook(row for path in paths for row in read_rows(path))


def read_rows(path: Path) -> list[PriceRow]:
    """Read one file of rows; empty lines are skipped.

    Raises:
        PriceError: see ``load_book``.
    """
    try:
        lines = path.read_text(encoding="utf-8").split("\n")  # a text may hold other ends
    except (OSError, UnicodeDecodeError) as error:
        raise PriceError(
            f"{path}: cannot be read as a price file ({error}); give a file that "
            "'python -m router prices import' wrote",
            metadata={"file": str(path)},
        ) from error
    return [_row(line, f"{path}:{number}") for number, line in enumerate(lines, 1) if line.strip()]


def write_rows(path: Path, rows: Iterable[PriceRow]) -> None:
    """Write rows as ``read_rows`` reads them; what is a default is left out."""
    text = "".join(json.dumps(_content(row), ensure_ascii=False) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")


def _content(row: PriceRow) -> dict[str, object]:
    content: dict[str, object] = {
        "provider": row.provider,
        "model": row.model,
        "class": row.price_class.value,
    }
    if row.above_input_tokens:
        content["above_input_tokens"] = row.above_input_tokens
    if row.mode is not Mode.SYNC:
        content["mode"] = row.mode.value
    if row.service_tier is not ServiceTier.STANDARD:
        content["service_tier"] = row.service_tier.value
    for name, day in (("valid_from", row.valid_from), ("valid_to", row.valid_to)):
        if day is not None:
            content[name] = day.isoformat()
    content["usd_per_million"] = format(row.usd_per_million.normalize(), "f")
    return content | {"as_of": row.as_of.isoformat(), "source": row.source}


def _row(line: str, origin: str) -> PriceRow:
    try:
        content = json.loads(line, parse_float=Decimal)
    except (ValueError, RecursionError) as error:
        raise PriceError(
            f"{origin}: not a line of JSON ({error})", metadata={"file": origin}
        ) from error
    if not isinstance(content, dict):
        raise PriceError(f"{origin}: {line!r}: must be a JSON object", metadata={"file": origin})
    table = CheckedTable(content, origin, "", PriceError)
    table.refuse_unknown(_KEYS)
    row = CheckedTable(_DEFAULTS | content, origin, "", PriceError)
    parsed = PriceRow(
        provider=row.text("provider"),
        model=row.text("model"),
        price_class=_choice(row, "class", PriceClass),
        usd_per_million=_usd(row),
        as_of=_day(row, "as_of"),
        source=row.text("source"),
        above_input_tokens=row.integer("above_input_tokens", 0, _MOST_TOKENS),
        mode=_choice(row, "mode", Mode),
        service_tier=_choice(row, "service_tier", ServiceTier),
        valid_from=_day(row, "valid_from") if "valid_from" in content else None,
        valid_to=_day(row, "valid_to") if "valid_to" in content else None,
    )
    if parsed.valid_from and parsed.valid_to and parsed.valid_from >= parsed.valid_to:
        raise row.error("valid_to", content["valid_to"], f"must be after {parsed.valid_from}")
    if parsed.price_class is PriceClass.REQUEST and parsed.above_input_tokens:
        above = parsed.above_input_tokens
        raise row.error("above_input_tokens", above, "a fee of a call has no bands; leave it out")
    return parsed


def _choice(table: CheckedTable, key: str, kind: type[Choice]) -> Choice:
    value = table.text(key)
    if value not in list(kind):
        raise table.error(key, value, f"must be one of {[member.value for member in kind]}")
    return kind(value)


def _day(table: CheckedTable, key: str) -> date:
    value = table.text(key)
    try:
        return date.fromisoformat(value)
    except ValueError as error:
        raise table.error(key, value, 'must be a day such as "2026-11-01"') from error


def _usd(table: CheckedTable) -> Decimal:
    value = table.required("usd_per_million")
    try:
        usd = Decimal(value) if isinstance(value, str | int | Decimal) else Decimal("NaN")
    except ArithmeticError:
        usd = Decimal("NaN")
    is_finite = usd.is_finite() and math.isfinite(usd)  # also as the float it becomes
    if isinstance(value, bool) or not is_finite or usd < 0:
        raise table.error("usd_per_million", value, "must be a finite number of USD >= 0")
    return usd
