"""What one key charges on one day, exactly: made from rows, in Decimal, and as floats for the path.

A class that has no row of its own is charged as the class it is a part of: cached input as input,
the long cache write as the short one, reasoning as output. Counting is ``router.cost.bill``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from router.cost.book.rows import PriceClass, PriceRow
from router.cost.price import Band, Price, Rates

_MILLION = 1_000_000

_CHARGED_AS = {
    PriceClass.CACHE_READ: PriceClass.INPUT,
    PriceClass.CACHE_WRITE_5M: PriceClass.INPUT,
    PriceClass.CACHE_WRITE_1H: PriceClass.CACHE_WRITE_5M,
    PriceClass.REASONING: PriceClass.OUTPUT,
}


@dataclass(frozen=True, slots=True)
class Tariff:
    """Exact prices of one key on one day.

    Attributes:
        bands: Rising, the first above 0 input tokens; USD per million tokens.
        usd_per_request: Fee of a call.
        as_of: The oldest day any of its prices was read.
        source: Where, each source once.
        ends: First day for which no price is known any more; None where no end is known.
    """

    bands: tuple[Band[Decimal], ...]
    usd_per_request: Decimal
    as_of: date
    source: str
    ends: date | None = None

    def price(self, factor: float = 1.0) -> Price:
        """Return the prices as floats, each times ``factor``."""
        bands = tuple(
            Band(above, Rates(*(float(rate) * factor for rate in rates)))
            for above, rates in self.bands
        )
        base = bands[0].rates
        return Price(
            base.uncached_input,
            base.output,
            self.as_of,
            self.source,
            bands,
            float(self.usd_per_request) * factor,
            self.ends,
        )


def tariff_of(rows: Sequence[PriceRow]) -> Tariff:
    """Return what rows of one key say, all of which hold.

    Args:
        rows: At most one for each class and band; input and output among them.

    Raises:
        KeyError: input or output has no row.
    """
    by_class: dict[PriceClass, dict[int, Decimal]] = {}
    for row in rows:
        by_class.setdefault(row.price_class, {})[row.above_input_tokens] = row.usd_per_million
    request = by_class.pop(PriceClass.REQUEST, {})
    starts = sorted({0, *(above for prices in by_class.values() for above in prices)})
    return Tariff(
        bands=tuple(Band(above, _rates(by_class, above)) for above in starts),
        usd_per_request=request.get(0, Decimal(0)) / _MILLION,
        as_of=min(row.as_of for row in rows),
        source="; ".join(dict.fromkeys(row.source for row in rows)),
    )


def _rates(by_class: Mapping[PriceClass, Mapping[int, Decimal]], above: int) -> Rates[Decimal]:
    def rate(price_class: PriceClass) -> Decimal:
        while not (reached := [s for s in by_class.get(price_class, ()) if s <= above]):
            price_class = _CHARGED_AS[price_class]
        return by_class[price_class][max(reached)]

    return Rates(
        rate(PriceClass.INPUT),
        rate(PriceClass.CACHE_READ),
        rate(PriceClass.CACHE_WRITE_5M),
        rate(PriceClass.CACHE_WRITE_1H),
        rate(PriceClass.OUTPUT),
        rate(PriceClass.REASONING),
    )
