"""What an outcome says of how its deployment counts tokens, checked."""

from typing import NamedTuple

from router.catalog import Catalog
from router.cost.tokens import TextKind
from router.errors import InvalidRequestError
from router.v1 import router_pb2 as pb


class TokenReport(NamedTuple):
    """Tokens estimated before any ratio, and tokens reported, each > 0.

    ``warm`` tokens were thought to be in the provider's cache; ``cached`` were, None if not told.
    """

    deployment: str
    kind: TextKind
    estimated: int
    reported: int
    warm: int = 0
    cached: int | None = None


def to_token_report(wire: pb.RecordOutcomeRequest, catalog: Catalog) -> TokenReport | None:
    """Return the report in an outcome; None if it holds no estimate or no tokens to compare.

    Raises:
        InvalidRequestError: the estimate is not as ``Route`` gives it.
    """
    if not wire.HasField("input_estimate"):
        return None
    given = wire.input_estimate
    deployment = wire.deployment or given.deployment
    known = [item.id for item in catalog.deployments]
    if given.token_count <= 0 or int(given.kind) not in set(TextKind) or deployment not in known:
        raise InvalidRequestError(
            "input_estimate",
            f"{given.token_count} tokens of kind {int(given.kind)} by {deployment!r} given; give "
            "it as Route answered it",
            reason="ESTIMATE_ALTERED",
            metadata={"given": str(given.token_count)},
        )
    cached = _cached(wire)
    if not wire.input_token_count:
        return None
    kind, warm = (
        TextKind(given.kind),
        given.warm_token_count if deployment == given.deployment else 0,
    )
    return TokenReport(deployment, kind, given.token_count, wire.input_token_count, warm, cached)


def _cached(wire: pb.RecordOutcomeRequest) -> int | None:
    if not wire.HasField("cached_input_token_count"):
        return None
    cached = wire.cached_input_token_count
    if not 0 <= cached <= wire.input_token_count:
        raise InvalidRequestError(
            "cached_input_token_count",
            f"{cached} given, must be from 0 to input_token_count, {wire.input_token_count}",
            reason="TOKENS_OUT_OF_RANGE",
            metadata={"given": str(cached)},
        )
    return cached
