"""Rows from the package genai-prices (0.2 or later), which ships dated prices in decimals.

Read are prices of text tokens and of calls, start dates, and the variants batch, flex and priority.
A variant listed without prices of its own costs what the model costs otherwise. Prices that change
by the hour become the dearest of the day: a row holds for whole days. Prices of audio, images and
searches, and other variants such as fast modes, are not read.
"""

from collections.abc import Callable, Iterator
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Any

from router.cost.book.rows import Mode, PriceClass, PriceRow, ServiceTier
from router.errors import MissingExtraError

_PER_MTOK = {
    "input_mtok": PriceClass.INPUT,
    "cache_read_mtok": PriceClass.CACHE_READ,
    "cache_write_mtok": PriceClass.CACHE_WRITE_5M,
    "cache_write_5m_mtok": PriceClass.CACHE_WRITE_5M,
    "cache_write_1h_mtok": PriceClass.CACHE_WRITE_1H,
    "output_mtok": PriceClass.OUTPUT,
    "output_reasoning_mtok": PriceClass.REASONING,
}
_VARIANTS = (
    ({"processing": "batch"}, Mode.BATCH, ServiceTier.STANDARD),
    ({"service_tier": "flex"}, Mode.SYNC, ServiceTier.FLEX),
    ({"service_tier": "priority"}, Mode.SYNC, ServiceTier.PRIORITY),
)
_THOUSAND = 1000


def rows_from_genai_prices(as_of: date, wanted: Callable[[str], bool]) -> list[PriceRow]:
    """Read the rows of wanted models from the installed package.

    Args:
        as_of: The day its prices are of; the package does not say.
        wanted: Told "provider/model", whether to read it.

    Raises:
        MissingExtraError: the package is not installed.
    """
    try:
        import genai_prices
        from genai_prices.data import providers
    except ImportError as error:
        raise MissingExtraError("genai-prices", "prices") from error
    source = f"genai-prices {genai_prices.__version__}"
    return [
        row
        for provider in providers
        for model in provider.models
        if wanted(f"{provider.id}/{model.id}")
        for row in _rows_of_model(provider.id, model, as_of, source)
    ]


def _rows_of_model(provider: str, model: Any, as_of: date, source: str) -> Iterator[PriceRow]:
    conditional = model.prices if isinstance(model.prices, list) else None
    variants = model.price_variants or []
    starts = {_start(one) for one in (*(conditional or ()), *variants)} - {None}
    days: list[date | None] = [None, *sorted(day for day in starts if day is not None), None]
    for begins, ends in pairwise(days):
        within = begins or date.min
        standard = _on(conditional, within) if conditional is not None else model.prices
        priced: list[tuple[Any, Mode, ServiceTier]] = [(standard, Mode.SYNC, ServiceTier.STANDARD)]
        for when, mode, service_tier in _VARIANTS:
            priced += [
                (variant.prices, mode, service_tier)
                for variant in variants
                if variant.when == when and _begun(variant, within)
            ][:1]
        for prices, mode, service_tier in priced:
            own = list(_prices(prices))
            for price_class, above, usd in own or _prices(standard):
                yield PriceRow(
                    provider, model.id, price_class, usd, as_of, f"{source}, {model.id}",
                    above, mode, service_tier, begins, ends,
                )  # fmt: skip


def _prices(prices: Any) -> Iterator[tuple[PriceClass, int, Decimal]]:
    for name, value in vars(prices).items():
        if value is None:
            continue
        if name == "requests_kcount":
            yield PriceClass.REQUEST, 0, value * _THOUSAND
        elif name in _PER_MTOK:
            if isinstance(value, Decimal):
                yield _PER_MTOK[name], 0, value
                continue
            yield _PER_MTOK[name], 0, value.base
            for tier in value.tiers:
                yield _PER_MTOK[name], tier.start, tier.price


def _on(conditional: list[Any], day: date) -> Any:
    """Return the prices in force on a day: of those that change by the hour the dearest."""
    standing, by_the_hour = conditional[0].prices, []
    for one in conditional:
        if hasattr(one.constraint, "start_time"):
            by_the_hour.append(one.prices)
        elif _begun(one, day):
            standing, by_the_hour = one.prices, []
    return max([standing, *by_the_hour], key=_output_usd)


def _output_usd(prices: Any) -> Decimal:
    value = prices.output_mtok
    if value is None:
        return Decimal(0)
    base: Decimal = value if isinstance(value, Decimal) else value.base
    return base


def _start(one: Any) -> date | None:
    start: date | None = getattr(one.constraint, "start_date", None)
    return start


def _begun(one: Any, day: date) -> bool:
    start = _start(one)
    return start is None or start <= day
