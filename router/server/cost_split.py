"""What the expected cost of each candidate is made up of, for requests that ask to be told.

Kept apart from ``answer``: other requests pay nothing for it.
"""

from router.cost.estimate import cost_parts, expected_cost_usd
from router.types import Decision, Estimate
from router.v1 import router_pb2 as pb


def with_cost_split(
    request: pb.RouteRequest, decision: Decision, answer: pb.RouteResponse
) -> pb.RouteResponse:
    """Return the answer, each candidate's cost split if the request says ``explain_cost``."""
    if request.explain_cost:
        for candidate, estimate in zip(answer.candidates, decision.estimates, strict=True):
            if (split := _split(estimate)) is not None:
                candidate.cost_split.CopyFrom(split)
    return answer


def _split(estimate: Estimate) -> pb.CostSplit | None:
    price, batch = estimate.deployment.price, estimate.deployment.batch_price
    if price is None:
        return None
    tokens = estimate.input_tokens, estimate.output_tokens
    parts = cost_parts(price, *tokens)
    return pb.CostSplit(
        uncached_input_usd=parts.uncached_input,
        cache_read_usd=parts.cache_read,
        cache_write_usd=parts.cache_write,
        output_usd=parts.output,
        reasoning_usd=parts.reasoning,
        request_usd=parts.request,
        batch_usd=None if batch is None else expected_cost_usd(batch, *tokens),
    )
