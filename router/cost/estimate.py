"""What one request would cost on one deployment: list price times expected tokens."""

from router.types import Price

_TOKENS_PER_PRICE_UNIT = 1_000_000.0


def expected_cost_usd(price: Price, input_tokens: float, output_tokens: float) -> float:
    """Return the expected cost in USD, >= 0, of a call with these token counts (each >= 0)."""
    return (
        input_tokens * price.input_usd_per_mtok + output_tokens * price.output_usd_per_mtok
    ) / _TOKENS_PER_PRICE_UNIT
