"""Hard constraints: who may serve a request at all, asked before anything is compared by price.

Pure. A price plays a part only where the caller set a limit on it, or where it is not known.
"""

from collections.abc import Sequence
from itertools import compress

from router.errors import NoCandidateError
from router.types import NO_NEEDS, Deployment, Estimate, IneligibleReason, Request


def is_constrained(request: Request) -> bool:
    """Tell whether the request itself can make any deployment ineligible."""
    return bool(
        request.needs is not NO_NEEDS
        or request.allowed_tiers
        or request.denied_tiers
        or request.max_output_tokens
    )


def ineligible_reasons(
    deployment: Deployment,
    request: Request,
    max_cost_usd: float | None,
    cost_usd: float,
    fits: bool,
) -> tuple[IneligibleReason, ...]:
    """Return every hard constraint that is not met, in the order of the enum."""
    can, needs, tier = deployment.capabilities, request.needs, deployment.tier
    failed = (
        bool(request.allowed_tiers) and tier not in request.allowed_tiers,
        tier in request.denied_tiers,
        not fits or needs.context_window_tokens > can.context_window_tokens,
        (request.max_output_tokens or 0) > can.max_output_tokens,
        needs.tools and not can.tools,
        needs.vision and not can.vision,
        needs.json_schema and not can.json_schema,
        not needs.residency <= can.residency,
        deployment.price is None and deployment.retired_on is None and not deployment.pool,
        max_cost_usd is not None and cost_usd > max_cost_usd,
        deployment.retired_on is not None and not deployment.pool,
        needs.no_third_party and can.third_party,
        bool(needs.locked_deployment) and needs.locked_deployment != deployment.id,
    )
    return tuple(compress(IneligibleReason, failed))


def no_candidate(estimates: Sequence[Estimate]) -> NoCandidateError:
    """Return the error that says of every deployment why it fell out."""
    why = {
        estimate.deployment.id: "+".join(reason.name for reason in estimate.ineligible)
        for estimate in estimates
    }
    listed = ", ".join(f"{name}: {reasons}" for name, reasons in why.items())
    return NoCandidateError(
        f"no deployment may serve this request ({listed}); relax the needs, the tier lists or "
        f"max_cost_usd{_of_deadline(estimates)}",
        metadata=why,
    )


def _of_deadline(estimates: Sequence[Estimate]) -> str:
    """Return what can be done about what a deadline ruled out."""
    reasons = {reason for estimate in estimates for reason in estimate.ineligible}
    advice = ""
    if IneligibleReason.TOO_LATE in reasons:
        advice += "; wait longer, or ask for less confidence"
    if IneligibleReason.COMPLETION_UNKNOWN in reasons:
        advice += "; state [deployments.completion] in the catalog, or leave deadline out"
    return advice
