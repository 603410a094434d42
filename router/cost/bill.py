"""What a reported usage costs, exactly: decimals in, whole nano-dollars out."""

from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from router.cost.book.tariff import Tariff
from router.cost.price import rates_at
from router.cost.usage import Usage

_MILLION = Decimal(1_000_000)
_NANO = Decimal("1e-9")


class Bill(NamedTuple):
    """The exact cost of one call in USD, by class of token."""

    uncached_input: Decimal
    cache_read: Decimal
    cache_write_5m: Decimal
    cache_write_1h: Decimal
    output: Decimal
    reasoning: Decimal
    request: Decimal

    @property
    def usd(self) -> Decimal:
        """The whole, in USD."""
        return sum(self, start=Decimal(0))

    @property
    def nano_usd(self) -> int:
        """The whole in nano-dollars; half a nano-dollar goes to the even neighbour."""
        return int((self.usd / _NANO).to_integral_value(ROUND_HALF_EVEN))


def bill(usage: Usage, tariff: Tariff) -> Bill:
    """Return what a call cost.

    The band is chosen by all input tokens, and its rates hold for every token of the call.
    """
    rates = rates_at(tariff.bands, usage.total_input)
    return Bill(
        usage.uncached_input * rates.uncached_input / _MILLION,
        usage.cache_read * rates.cache_read / _MILLION,
        usage.cache_write_5m * rates.cache_write_5m / _MILLION,
        usage.cache_write_1h * rates.cache_write_1h / _MILLION,
        usage.output * rates.output / _MILLION,
        usage.reasoning * rates.reasoning / _MILLION,
        tariff.usd_per_request,
    )
