"""The price book: which rows hold for a key on a day, or why there is no price.

Nothing here is on the path: a catalog asks once, when it is loaded.
"""

import difflib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date

from router.cost.book.rows import Mode, PriceClass, PriceKey, PriceRow, ServiceTier
from router.cost.book.tariff import Tariff, tariff_of

_SUGGESTIONS = 3


@dataclass(frozen=True, slots=True)
class NoPrice:
    """Why a key has no price on a day.

    Attributes:
        problem: In words, for people.
        retired_on: First day the model was sold no more; None if that is not the reason.
    """

    problem: str
    retired_on: date | None = None


class PriceBook:
    """Rows by model. Of two rows for the same thing on the same day the later in force wins.

    Args:
        rows: Earlier ones first: where two begin on the same day, the last one given wins, so
            that negotiated rates go behind list prices.
    """

    def __init__(self, rows: Iterable[PriceRow] = ()) -> None:
        self._rows: dict[tuple[str, str], list[PriceRow]] = {}
        for row in rows:
            self._rows.setdefault((row.provider, row.model), []).append(row)

    def __len__(self) -> int:
        return sum(map(len, self._rows.values()))

    def rows(self) -> Iterable[PriceRow]:
        """Return every row, model by model."""
        return (row for rows in self._rows.values() for row in rows)

    def keys(self) -> list[PriceKey]:
        """Return every key that has rows of its own, sorted."""
        return sorted({PriceKey(r.provider, r.model, r.mode, r.service_tier) for r in self.rows()})

    def quote(self, key: PriceKey, day: date) -> Tariff | NoPrice:
        """Return what a key charges on a day, or why that is unknown."""
        found = self._quoted(key, day)
        if isinstance(found, NoPrice):
            return found
        # Another price may follow one that ends, or one that begins may leave a class without any.
        rows = self._rows[key.provider, key.model]
        changes = {one for row in rows for one in (row.valid_from, row.valid_to) if one}
        later = sorted(one for one in changes if one > day)
        without = (one for one in later if isinstance(self._quoted(key, one), NoPrice))
        return replace(found, ends=next(without, None))

    def _quoted(self, key: PriceKey, day: date) -> Tariff | NoPrice:
        """Return what a key charges on a day; when it ends is not looked at."""
        of_model = self._rows.get((key.provider, key.model), [])
        if not of_model:
            return NoPrice(f"no price of {key}{self._nearby(key)}")
        holding = [row for row in of_model if row.holds_on(day)]
        if not holding:
            return _not_in_force(key, of_model, day)
        standard = _in_force(holding, PriceKey(key.provider, key.model))
        own = _in_force(holding, key)
        if not own:
            return NoPrice(f"no price of {key}; its other prices do not say what that costs")
        # A class the variant does not price costs what it costs otherwise, all bands together.
        own_classes = {row.price_class for row in own}
        rows = [*(row for row in standard if row.price_class not in own_classes), *own]
        if key[2:] == (Mode.SYNC, ServiceTier.STANDARD):
            rows = own
        missing = {PriceClass.INPUT, PriceClass.OUTPUT} - {
            row.price_class for row in rows if row.above_input_tokens == 0
        }
        if missing:
            return NoPrice(f"no price of {key} for {' and '.join(sorted(missing))}")
        return tariff_of(rows)

    def _nearby(self, key: PriceKey) -> str:
        names = [f"{provider}/{model}" for provider, model in self._rows]
        near = difflib.get_close_matches(f"{key.provider}/{key.model}", names, n=_SUGGESTIONS)
        return f"; near it: {', '.join(near)}" if near else ""


def _in_force(holding: list[PriceRow], key: PriceKey) -> list[PriceRow]:
    """Return one row for each class and band of exactly this key.

    The rows of a class that began last replace all its earlier ones, bands included.
    """
    by_class: dict[PriceClass, list[PriceRow]] = {}
    for row in holding:
        if (row.mode, row.service_tier) == (key.mode, key.service_tier):
            by_class.setdefault(row.price_class, []).append(row)
    chosen: list[PriceRow] = []
    for rows in by_class.values():
        began = max(map(_began, rows))
        latest = {row.above_input_tokens: row for row in rows if _began(row) == began}
        chosen += latest.values()
    return chosen


def _began(row: PriceRow) -> date:
    return row.valid_from or date.min


def _not_in_force(key: PriceKey, rows: list[PriceRow], day: date) -> NoPrice:
    name = f"{key.provider}/{key.model}"
    later = [row.valid_from for row in rows if row.valid_from is not None and row.valid_from > day]
    if later:
        return NoPrice(f"the price of {name} begins on {min(later)}")
    retired = max(row.valid_to for row in rows if row.valid_to is not None)
    return NoPrice(f"{name} was retired on {retired}", retired)
