"""A deployment's price as its catalog states it: in place, or as a key of a price book.

Tables come in checked; out come float prices for the path, or why there is none.
"""

from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import NamedTuple

from router.checked import CheckedTable
from router.cost.book.book import NoPrice, PriceBook
from router.cost.book.lines import load_book
from router.cost.book.rows import Mode, PriceKey, ServiceTier
from router.cost.price import Band, Price, Rates

BASE_KEYS = {"input_usd_per_mtok", "output_usd_per_mtok", "as_of", "source"}
CLASS_KEYS = {
    "cache_read_usd_per_mtok", "cache_write_5m_usd_per_mtok", "cache_write_1h_usd_per_mtok",
    "reasoning_usd_per_mtok",
}  # fmt: skip
PRICE_KEYS = BASE_KEYS | CLASS_KEYS | {"usd_per_request", "bands"}
BAND_KEYS = {"above_input_tokens", "input_usd_per_mtok", "output_usd_per_mtok"} | CLASS_KEYS
STATED_KEYS = (
    "price", "batch_price", "flex_price", "price_key", "price_factor", "service_tier",
)  # fmt: skip
PRICES_KEYS = {"files", "warn_after_days"}
DEFAULT_WARN_AFTER_DAYS = 30
_MOST_TOKENS = 1_000_000_000
_MOST_DAYS = 100_000


class PriceFiles(NamedTuple):
    """What ``[prices]`` says; ``book`` is None where no files are named."""

    book: PriceBook | None
    day: date
    warn_after_days: int = DEFAULT_WARN_AFTER_DAYS
    paths: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Stated:
    """What a catalog says of a deployment's price.

    Attributes:
        price: None if it is unknown.
        batch_price: Of batch mode; None if it is unknown or there is none.
        flex_price: Of the flex service tier, likewise; None where ``price`` is of a tier.
        problem: Why ``price`` is None, in words; empty if it is not.
        retired_on: First day the model was sold no more, if that is why.
    """

    price: Price | None
    batch_price: Price | None = None
    problem: str = ""
    retired_on: date | None = None
    flex_price: Price | None = None


def price_files(top: CheckedTable, directory: Path, day: date) -> PriceFiles:
    """Return what a catalog's ``[prices]`` table says.

    Args:
        top: The whole catalog.
        directory: Where the files are looked for.
        day: The day to look prices up for.

    Raises:
        PriceError: a file is missing or refused.
    """
    if "prices" not in top.content:
        return PriceFiles(None, day)
    table = top.table("prices", PRICES_KEYS)
    warn_after_days = DEFAULT_WARN_AFTER_DAYS
    if "warn_after_days" in table.content:
        warn_after_days = table.integer("warn_after_days", 1, _MOST_DAYS)
    names = table.content.get("files", [])
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise table.error("files", names, "must be a list of paths, list prices first")
    paths = tuple(directory / name for name in names)
    return PriceFiles(load_book(paths) if paths else None, day, warn_after_days, paths)


def stated_price(table: CheckedTable, prices: PriceFiles) -> Stated:
    """Return the price of a ``[[deployments]]`` table, in place or by key, or why there is none."""
    in_place = sorted({"price", "batch_price", "flex_price"} & set(table.content))
    if "price_key" in table.content:
        for key in in_place:
            raise table.error(key, table.content[key], "given beside price_key; give one of them")
        return _price_by_key(table, prices)
    for key in sorted({"price_factor", "service_tier"} & set(table.content)):
        raise table.error(key, table.content[key], "goes with price_key only; give that too")
    read = {key: _price_in_place(table.table(key, PRICE_KEYS)) for key in in_place}
    return Stated(
        read.get("price"),
        read.get("batch_price"),
        "" if "price" in read else "the catalog states no price",
        flex_price=read.get("flex_price"),
    )


def _price_in_place(table: CheckedTable) -> Price:
    """Return the price of a ``[deployments.price]`` table.

    A class that is left out is charged as input, as the short cache write, or as output. A band
    must state the classes that the table states.
    """
    as_of = table.content.get("as_of")
    if not isinstance(as_of, date) or isinstance(as_of, datetime):
        raise table.error("as_of", as_of, "must be a date such as 2026-11-01, without quotes")
    source, classes = table.text("source"), CLASS_KEYS & set(table.content)
    base = _rates(table, classes)
    bands = [Band(0, base)]
    for inner in table.tables("bands", BAND_KEYS) if "bands" in table.content else ():
        least = bands[-1].above_input_tokens + 1  # bands rise
        above = inner.integer("above_input_tokens", least, _MOST_TOKENS)
        bands.append(Band(above, _rates(inner, classes)))
    fee = table.optional_number("usd_per_request", least=0.0) or 0.0
    is_plain = len(bands) == 1 and not fee and not classes
    return Price(
        base.uncached_input, base.output, as_of, source, () if is_plain else tuple(bands), fee
    )


def _rates(table: CheckedTable, classes: set[str]) -> Rates[float]:
    def rate(key: str, otherwise: float) -> float:
        known = key in classes or key in table.content
        return table.number(key, least=0.0) if known else otherwise

    tokens_in = table.number("input_usd_per_mtok", least=0.0)
    tokens_out = table.number("output_usd_per_mtok", least=0.0)
    short = rate("cache_write_5m_usd_per_mtok", tokens_in)
    return Rates(
        uncached_input=tokens_in,
        cache_read=rate("cache_read_usd_per_mtok", tokens_in),
        cache_write_5m=short,
        cache_write_1h=rate("cache_write_1h_usd_per_mtok", short),
        output=tokens_out,
        reasoning=rate("reasoning_usd_per_mtok", tokens_out),
    )


def _price_by_key(table: CheckedTable, prices: PriceFiles) -> Stated:
    name = table.text("price_key")
    provider, _, model = name.partition("/")
    if not (provider and model):
        raise table.error("price_key", name, 'must be "provider/model" as the price files say')
    if prices.book is None:
        raise table.error("price_key", name, "needs price files: list them in [prices] files")
    book = prices.book
    factor = table.optional_number("price_factor", above=0.0) or 1.0
    tier = table.text("service_tier") if "service_tier" in table.content else "standard"
    if tier not in list(ServiceTier):
        tiers = [member.value for member in ServiceTier]
        raise table.error("service_tier", tier, f"must be one of {tiers}")
    key = PriceKey(provider, model, Mode.SYNC, ServiceTier(tier))
    quoted = book.quote(key, prices.day)
    if isinstance(quoted, NoPrice):
        return Stated(None, None, quoted.problem, quoted.retired_on)

    def variant(mode: Mode, service_tier: ServiceTier) -> Price | None:
        found = book.quote(PriceKey(provider, model, mode, service_tier), prices.day)
        return None if isinstance(found, NoPrice) else found.price(factor)

    return Stated(
        quoted.price(factor),
        variant(Mode.BATCH, ServiceTier.STANDARD),
        flex_price=variant(Mode.SYNC, ServiceTier.FLEX) if key.service_tier == "standard" else None,
    )
