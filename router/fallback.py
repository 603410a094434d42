"""What a client answers when the router cannot: the default tier its application has set.

A router must never be the reason an application stops. So everything that is the router's fault or
that of the way to it ends in the default tier, and says so. Two things are errors as always: a
request that is wrong, and the router's answer that no deployment may serve the request, since that
was said of the default tier, too, and a hard constraint must not be broken in silence.
"""

import logging
from dataclasses import dataclass

from router.call_error import CallError, NoDeploymentError
from router.errors import ConfigError
from router.v1 import router_pb2 as pb

_REQUEST_IS_WRONG = {"INVALID_ARGUMENT", "OUT_OF_RANGE"}

logger = logging.getLogger("router.client")


@dataclass(frozen=True, slots=True)
class TierChoice:
    """A tier, from the router or by default.

    Attributes:
        tier: Name of the tier to ask.
        response: What the router answered; None when the default tier was taken.
        error: Why the default tier was taken; None when the router answered.
    """

    tier: str
    response: pb.RouteResponse | None
    error: CallError | None

    @property
    def fell_back(self) -> bool:
        """Whether the default tier was taken, unchecked: the router did not look at the needs."""
        return self.error is not None

    @property
    def deployment(self) -> str:
        """Id of the chosen deployment; empty when the default tier was taken."""
        return "" if self.response is None else self.response.deployment


def answered(response: pb.RouteResponse) -> TierChoice:
    """Return what the router chose."""
    return TierChoice(response.tier, response, None)


def by_default(tier: str, error: CallError) -> TierChoice:
    """Return the default tier after a failed call.

    Raises:
        CallError: the same, when the request is what is wrong.
        NoDeploymentError: the same, when no deployment may serve it.
    """
    if error.code in _REQUEST_IS_WRONG or isinstance(error, NoDeploymentError):
        raise error
    logger.warning("tier %r by default: %s %s", tier, error.code, error.reason)
    return TierChoice(tier, None, error)


def checked_default(given: str | None, of_client: str | None) -> str:
    """Return the default tier of a call, known before the call is made and not when it fails.

    Raises:
        ConfigError: there is none.
    """
    tier = of_client if given is None else given
    if not tier:
        raise ConfigError(
            "no default tier is set; give default_tier to the client or to the call, or use "
            "'route', which fails when the router does not answer"
        )
    return tier
