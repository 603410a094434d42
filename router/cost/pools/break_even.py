"""From which traffic on a pool is cheaper than an API: closed form.

Over one mix of input and output tokens, both sides are linear in the traffic, so there is one
point. Whether the pool's model is good enough for that traffic is the predictor's question.
"""

from typing import NamedTuple

from router.cost.pools.average import replica_seconds, usd_per_hour
from router.cost.pools.pool import Pool

_SECONDS_PER_DAY = 86_400.0
_TOKENS_PER_PRICE_UNIT = 1_000_000.0


class BreakEven(NamedTuple):
    """The traffic at which a pool and an API cost the same.

    Attributes:
        output_tokens_per_day: At that point; infinite against an API that is free.
        input_tokens_per_day: At that point.
        utilisation: That traffic as a share of what the pool can serve; above 1 the pool never
            pays against this API.
        most_output_tokens_per_day: What the pool can serve at this mix.
    """

    output_tokens_per_day: float
    input_tokens_per_day: float
    utilisation: float
    most_output_tokens_per_day: float


def break_even(
    pool: Pool, input_usd_per_mtok: float, output_usd_per_mtok: float, input_per_output: float
) -> BreakEven:
    """Return the traffic at which the pool costs what the API does.

    Args:
        pool: Its whole cost counts, busy or not.
        input_usd_per_mtok: Of the API, >= 0.
        output_usd_per_mtok: Of the API, >= 0.
        input_per_output: Input tokens for each output token, >= 0.
    """
    usd_per_day = usd_per_hour(pool) * 24.0
    usd_per_output = (
        output_usd_per_mtok + input_per_output * input_usd_per_mtok
    ) / _TOKENS_PER_PRICE_UNIT
    tokens = usd_per_day / usd_per_output if usd_per_output else float("inf")
    most = pool.replicas * _SECONDS_PER_DAY / replica_seconds(pool, input_per_output, 1.0)
    tokens_in = tokens * input_per_output if input_per_output else 0.0
    return BreakEven(tokens, tokens_in, tokens / most, most)
