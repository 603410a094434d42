"""Where a session goes on is noted, and whether its prompt is worth keeping is said if asked."""

from router.cost.warmth import PromptCaches
from router.types import Estimate
from router.v1 import router_pb2 as pb


def went_on(
    caches: PromptCaches, request: pb.RouteRequest, chosen: Estimate
) -> pb.CacheAdvice | None:
    """Note where a session goes on, so that its next turn finds the cache warm.

    Args:
        caches: Of the deployments.
        request: With a session.
        chosen: Where it goes on.

    Returns:
        The advice, if the request asks for it and there is any.
    """
    item, advice = chosen.deployment, None
    if request.advise_cache and chosen.cache_use is not None and item.price is not None:
        advice = caches.advise(
            request.session_id, item.id, item.price, chosen.input_tokens, chosen.cache_use
        )
    caches.used(request.session_id, item.id, chosen.input_tokens, advice)
    if advice is None:
        return None
    return pb.CacheAdvice(
        write=advice.write.value,  # type: ignore[arg-type]  # equal values
        expected_reuse_count=advice.reuses,
        expected_saving_usd=advice.saving_usd,
    )
