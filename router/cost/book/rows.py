"""The rows of a price book: one price of one token class, with the days it holds.

Here are the records and nothing else; which row applies is ``router.cost.book.book``.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import NamedTuple


class PriceClass(StrEnum):
    """What a row prices: a class of tokens, or the call itself."""

    INPUT = "input"
    CACHE_READ = "cache_read"
    CACHE_WRITE_5M = "cache_write_5m"
    CACHE_WRITE_1H = "cache_write_1h"
    OUTPUT = "output"
    REASONING = "reasoning"
    REQUEST = "request"


class Mode(StrEnum):
    """How a call is made: answered at once, or collected and answered within hours."""

    SYNC = "sync"
    BATCH = "batch"


class ServiceTier(StrEnum):
    """What a provider sells a synchronous call as: cheaper and slower, or dearer and faster."""

    STANDARD = "standard"
    FLEX = "flex"
    PRIORITY = "priority"


@dataclass(frozen=True, slots=True)
class PriceRow:
    """One dated price.

    Attributes:
        provider: Who sells, as the source names it.
        model: What is sold, as the source names it.
        price_class: What is counted.
        usd_per_million: USD per million of what is counted, >= 0; of calls for ``REQUEST``.
        as_of: The day the price was read.
        source: Where it was read.
        above_input_tokens: Holds for requests with more input tokens than this.
        mode: Sync or batch.
        service_tier: Standard, flex or priority.
        valid_from: First day it holds; None: always held.
        valid_to: First day it holds no more; None: no end is known.
    """

    provider: str
    model: str
    price_class: PriceClass
    usd_per_million: Decimal
    as_of: date
    source: str
    above_input_tokens: int = 0
    mode: Mode = Mode.SYNC
    service_tier: ServiceTier = ServiceTier.STANDARD
    valid_from: date | None = None
    valid_to: date | None = None

    def holds_on(self, day: date) -> bool:
        """Return whether the price holds on a day."""
        return (self.valid_from is None or self.valid_from <= day) and (
            self.valid_to is None or day < self.valid_to
        )


class PriceKey(NamedTuple):
    """What is looked up in a book."""

    provider: str
    model: str
    mode: Mode = Mode.SYNC
    service_tier: ServiceTier = ServiceTier.STANDARD

    def __str__(self) -> str:
        name = f"{self.provider}/{self.model}"
        extras = [
            *([] if self.mode is Mode.SYNC else [self.mode.value]),
            *([] if self.service_tier is ServiceTier.STANDARD else [self.service_tier.value]),
        ]
        return f"{name} ({', '.join(extras)})" if extras else name
