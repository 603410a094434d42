"""What a request on a pool would cost elsewhere: the upper end of its shadow price."""

from collections.abc import Sequence
from math import inf

from router.cost.estimate import expected_cost_usd
from router.types import Estimate


def least_by_adequacy(estimates: Sequence[Estimate]) -> list[tuple[float, float]]:
    """Return the least cost of candidates paid by use, for each adequacy among them."""
    least: dict[float, float] = {}
    for one in estimates:
        if not one.ineligible and not one.deployment.pool:
            cost = one.expected_cost_usd
            if cost < least.get(one.adequacy, inf):
                least[one.adequacy] = cost
    return list(least.items())


def alternative_usd(one: Estimate, least: list[tuple[float, float]], average: float) -> float:
    """Return the least cost of a candidate that is paid by use and as adequate, in USD.

    Where there is none, the list price of the pool's own model stands for it, else its average.
    """
    found = inf
    for adequacy, cost in least:
        if adequacy >= one.adequacy and cost < found:
            found = cost
    if found < inf:
        return found
    price = one.deployment.price
    if price is None:
        return average
    return expected_cost_usd(price, one.input_tokens, one.output_tokens)
