"""What one request would cost on one deployment: its price times expected tokens."""

from typing import NamedTuple

from router.cost.price import Price

_TOKENS_PER_PRICE_UNIT = 1_000_000.0


class CostParts(NamedTuple):
    """What makes up an expected cost, each in USD and >= 0; their sum is the whole."""

    uncached_input: float
    cache_read: float
    cache_write: float
    output: float
    reasoning: float
    request: float


def expected_cost_usd(price: Price, input_tokens: float, output_tokens: float) -> float:
    """Return the expected cost in USD, >= 0, of a call with these token counts (each >= 0)."""
    bands = price.bands
    if bands:
        rates = bands[0].rates
        for band in bands[1:]:
            if input_tokens <= band.above_input_tokens:
                break
            rates = band.rates
        return (
            price.usd_per_request
            + (input_tokens * rates.uncached_input + output_tokens * rates.output)
            / _TOKENS_PER_PRICE_UNIT
        )
    return (
        input_tokens * price.input_usd_per_mtok + output_tokens * price.output_usd_per_mtok
    ) / _TOKENS_PER_PRICE_UNIT


def cost_parts(
    price: Price,
    input_tokens: float,
    output_tokens: float,
    *,
    cache_read_tokens: float = 0.0,
    cache_write_tokens: float = 0.0,
    reasoning_tokens: float = 0.0,
) -> CostParts:
    """Split the expected cost of a call.

    Args:
        price: Of the deployment.
        input_tokens: All of them, cached ones included; they choose the band.
        output_tokens: All of them, reasoning included.
        cache_read_tokens: Part of the input that is read from the provider's cache.
        cache_write_tokens: Part of it that is written there, for the short time.
        reasoning_tokens: Part of the output.
    """
    rates = price.rates(input_tokens)
    fresh = input_tokens - cache_read_tokens - cache_write_tokens
    return CostParts(
        fresh * rates.uncached_input / _TOKENS_PER_PRICE_UNIT,
        cache_read_tokens * rates.cache_read / _TOKENS_PER_PRICE_UNIT,
        cache_write_tokens * rates.cache_write_5m / _TOKENS_PER_PRICE_UNIT,
        (output_tokens - reasoning_tokens) * rates.output / _TOKENS_PER_PRICE_UNIT,
        reasoning_tokens * rates.reasoning / _TOKENS_PER_PRICE_UNIT,
        price.usd_per_request,
    )
