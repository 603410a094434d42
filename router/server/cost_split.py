"""What the expected cost of each candidate is made up of, for requests that ask to be told.

Kept apart from ``answer``: other requests pay nothing for it.
"""

from math import inf

from router.cost.estimate import cost_parts, expected_cost_usd
from router.cost.price import CacheUse, Price
from router.predict.artifact import Artifact
from router.types import Decision, Estimate
from router.v1 import router_pb2 as pb

_MEDIAN, _P95 = 0.5, 0.95


def with_cost_split(
    request: pb.RouteRequest, decision: Decision, answer: pb.RouteResponse, artifact: Artifact
) -> pb.RouteResponse:
    """Return the answer, each candidate's cost split if the request says ``explain_cost``.

    Args:
        request: As asked.
        decision: On it.
        answer: Written from the decision.
        artifact: That predicted; without upper output lengths the cost has no interval.
    """
    if request.explain_cost:
        most = request.max_output_tokens or inf
        for candidate, estimate in zip(answer.candidates, decision.estimates, strict=True):
            price = estimate.deployment.price
            # A place on a pool is priced as a whole: there is nothing to split.
            if price is not None and not estimate.deployment.pool:
                candidate.cost_split.CopyFrom(_split(estimate, price))
                _fill_interval(candidate.cost_split, estimate, price, artifact, most)
    return answer


def _split(estimate: Estimate, price: Price) -> pb.CostSplit:
    batch = estimate.deployment.batch_price
    tokens = estimate.input_tokens, estimate.output_tokens
    use = estimate.cache_use or CacheUse(0.0, 0.0, 0.0)
    parts = cost_parts(
        price, *tokens, cache_read_tokens=use.read_tokens, cache_write_tokens=use.write_tokens
    )
    return pb.CostSplit(
        uncached_input_usd=parts.uncached_input,
        cache_read_usd=parts.cache_read,
        cache_write_usd=parts.cache_write,
        output_usd=parts.output,
        reasoning_usd=parts.reasoning,
        request_usd=parts.request,
        batch_usd=None if batch is None else expected_cost_usd(batch, *tokens),
        later_saving_usd=use.later_usd,
    )


def _fill_interval(
    split: pb.CostSplit, estimate: Estimate, price: Price, artifact: Artifact, most: float
) -> None:
    bounds = artifact.length_bounds
    if bounds is None:
        return
    tier = artifact.tier_names.index(estimate.deployment.tier)
    limit = min(most, estimate.deployment.capabilities.max_output_tokens)

    rate = price.rates(estimate.input_tokens).output / 1_000_000.0

    def usd(probability: float) -> float:
        tokens = min(bounds.quantile(tier, estimate.output_tokens, probability), limit)
        return estimate.expected_cost_usd + (tokens - estimate.output_tokens) * rate

    split.median_usd, split.p95_usd = usd(_MEDIAN), usd(_P95)
