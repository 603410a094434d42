"""What a deployment charges, as floats made for the path: rates by token class and context band.

Here are only the records. Where prices come from is ``router.cost.book`` and
``router.cost.stated``; exact money, in Decimal, is ``router.cost.book.tariff``.
"""

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Generic, NamedTuple, TypeVar

Number = TypeVar("Number", float, Decimal)


class Rates(NamedTuple, Generic[Number]):
    """USD per million tokens of each class, each >= 0. A token is of exactly one class.

    Attributes:
        uncached_input: Input that no provider cache had.
        cache_read: Input read from the provider's prompt cache.
        cache_write_5m: Input written to it, kept for the short time (5 minutes at most providers).
        cache_write_1h: Input written to it, kept for the long time.
        output: Output that the caller sees.
        reasoning: Output that the model thought and that is billed.
    """

    uncached_input: Number
    cache_read: Number
    cache_write_5m: Number
    cache_write_1h: Number
    output: Number
    reasoning: Number


class Band(NamedTuple, Generic[Number]):
    """Rates of requests with more than ``above_input_tokens`` input tokens, cached ones included.

    They hold for all tokens of such a request, not only for those above: a cliff, not a slope.
    """

    above_input_tokens: int
    rates: Rates[Number]


@dataclass(frozen=True, slots=True)
class Price:
    """What one call costs, in USD per million tokens and USD per call.

    Attributes:
        input_usd_per_mtok: Of uncached input below the first cliff, >= 0.
        output_usd_per_mtok: Of output below the first cliff, >= 0.
        as_of: The day the price was read.
        source: Where.
        bands: Rising, the first above 0; empty: the two rates above hold for all tokens.
        usd_per_request: Fee of every call, >= 0.
        ends: First day for which no price is known any more; None where no end is known.
    """

    input_usd_per_mtok: float
    output_usd_per_mtok: float
    as_of: date
    source: str
    bands: tuple[Band[float], ...] = ()
    usd_per_request: float = 0.0
    ends: date | None = None

    def rates(self, input_tokens: float) -> Rates[float]:
        """Return the rates of a request with so many input tokens, cached ones included."""
        if not self.bands:
            tokens_in, tokens_out = self.input_usd_per_mtok, self.output_usd_per_mtok
            return Rates(tokens_in, tokens_in, tokens_in, tokens_in, tokens_out, tokens_out)
        return rates_at(self.bands, input_tokens)

    def age_days(self, today: date) -> int:
        """Return how many days ago it was read."""
        return (today - self.as_of).days


def rates_at(bands: tuple[Band[Number], ...], input_tokens: float) -> Rates[Number]:
    """Return the rates of the last of one or more rising bands that a request reaches."""
    reached = bands[0].rates
    for band in bands[1:]:
        if input_tokens <= band.above_input_tokens:
            break
        reached = band.rates
    return reached


@dataclass(frozen=True, slots=True)
class PromptCache:
    """How a provider keeps prompts of a deployment; what that costs is in its price.

    Attributes:
        ttl_seconds: How long a prompt is kept after its last use, > 0.
        min_tokens: Shorter prompts are not kept, >= 0.
        hit_rate: Share of a kept prompt that is really read, in [0, 1], until reports say more.
    """

    ttl_seconds: float
    min_tokens: int
    hit_rate: float


class CacheUse(NamedTuple):
    """Input tokens of one turn by what a provider's prompt cache does with them.

    Attributes:
        warm_tokens: It is thought to hold, before any hit rate.
        read_tokens: Expected to be read from it.
        write_tokens: Expected to be written to it.
        later_usd: What is new in the cache is expected to save the session's next turns, in USD.
    """

    warm_tokens: float
    read_tokens: float
    write_tokens: float
    later_usd: float = 0.0
