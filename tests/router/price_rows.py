"""Short ways to write rows of a price book, and a catalog priced by them, in tests."""

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from router.catalog import Catalog, load_catalog
from router.cost.book.lines import write_rows
from router.cost.book.rows import PriceClass, PriceRow

DAY = date(2026, 11, 26)
CATALOG = Path(__file__).parent / "catalog.toml"
INLINE = CATALOG.read_text(encoding="utf-8").split("[deployments.price]")[1].split("[[")[0]


def row(price_class: str, usd: str, model: str = "big", **more: Any) -> PriceRow:
    """Return a row of a made-up provider's model."""
    return PriceRow(
        "acme", model, PriceClass(price_class), Decimal(usd), date(2026, 11, 1), "a list", **more
    )


def plain(model: str = "big", **more: Any) -> list[PriceRow]:
    """Return rows of input at 2 and output at 10 USD per million tokens."""
    return [row("input", "2", model, **more), row("output", "10", model, **more)]


def by_key(
    tmp_path: Path, rows: list[Any], settings: str = "", day: date = DAY, top: str = ""
) -> Catalog:
    """Load the test catalog, its first deployment priced by key from these rows."""
    write_rows(tmp_path / "prices.jsonl", rows)
    text = CATALOG.read_text(encoding="utf-8")
    text = text.replace(f"[deployments.price]{INLINE}", f'price_key = "acme/big"\n{settings}\n', 1)
    text = text.replace("[[tiers]]", f'[prices]\nfiles = ["prices.jsonl"]\n{top}\n[[tiers]]', 1)
    (tmp_path / "catalog.toml").write_text(text, encoding="utf-8")
    return load_catalog(tmp_path / "catalog.toml", day)
