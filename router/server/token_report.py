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
    """Return the report in an outcome; None if there is nothing to learn from it.

    That is so without an estimate or without the tokens reported, and for a deployment that the
    catalog has no more.

    Raises:
        InvalidRequestError: the estimate is not as ``Route`` gives it, or more tokens were cached
            than there were.
    """
    cached = _cached(wire)
    if not wire.HasField("input_estimate"):
        return None
    given = wire.input_estimate
    if given.token_count <= 0 or given.warm_token_count < 0 or int(given.kind) not in set(TextKind):
        raise InvalidRequestError(
            "input_estimate",
            f"{given.token_count} tokens of kind {int(given.kind)}, {given.warm_token_count} of "
            "them warm, given; give it as Route answered it",
            reason="ESTIMATE_ALTERED",
            metadata={"given": str(given.token_count)},
        )
    deployment = wire.deployment or given.deployment
    if not wire.input_token_count or deployment not in {item.id for item in catalog.deployments}:
        return None
    return TokenReport(
        deployment,
        TextKind(given.kind),
        given.token_count,
        wire.input_token_count,
        given.warm_token_count if deployment == given.deployment else 0,
        cached,
    )


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
