"""Short ways to write rows of a price book in tests."""

from datetime import date
from decimal import Decimal
from typing import Any

from router.cost.book.rows import PriceClass, PriceRow

DAY = date(2026, 11, 26)


def row(price_class: str, usd: str, model: str = "big", **more: Any) -> PriceRow:
    """Return a row of a made-up provider's model."""
    return PriceRow(
        "acme", model, PriceClass(price_class), Decimal(usd), date(2026, 11, 1), "a list", **more
    )


def plain(model: str = "big", **more: Any) -> list[PriceRow]:
    """Return rows of input at 2 and output at 10 USD per million tokens."""
    return [row("input", "2", model, **more), row("output", "10", model, **more)]
