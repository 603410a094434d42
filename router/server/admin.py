"""``AdminService`` on the wire: what it may be asked, and how things stand in its words.

What is done stands in ``versions``. A change runs in a thread of its own, one after the other; a
question is answered on the loop.
"""

import math
from pathlib import Path
from typing import Any

import grpc
from google.protobuf.message_factory import GetMessageClass

from router.errors import InvalidRequestError
from router.rollout.canary import Counted
from router.rollout.tally import Interval
from router.server.arm import Arm, InForce
from router.server.attempts import Attempt, Outcome
from router.server.audit_wire import to_timestamp
from router.server.in_flight import CallsInFlight
from router.server.limits import Limits
from router.server.service import Method, decoder, in_thread, on_loop
from router.server.threads import Threads
from router.server.versions import Versions
from router.v1 import admin_pb2 as pb

_DESCRIPTOR = pb.DESCRIPTOR.services_by_name["AdminService"]
ADMIN_SERVICE = _DESCRIPTOR.full_name
_MAX_PATH_CHARS = 4096


class AdminServicer:
    """The methods of ``router.v1.AdminService``; each raises ``RouterError``."""

    def __init__(self, versions: Versions) -> None:
        self._versions = versions

    def reload(self, request: pb.ReloadRequest) -> pb.ReloadResponse:
        """Load and swap in."""
        artifact, catalog = _path("artifact", request.artifact), _path("catalog", request.catalog)
        attempt = self._versions.reload("admin", artifact, catalog)
        now = self._versions.switch.now
        return pb.ReloadResponse(
            changed=attempt.outcome is Outcome.CHANGED,
            in_force=_from_arm(now.main),
            previous=_from_arm(now.previous),
        )

    def rollback(self, _: pb.RollbackRequest) -> pb.RollbackResponse:
        """Go back."""
        self._versions.rollback("admin")
        now = self._versions.switch.now
        return pb.RollbackResponse(in_force=_from_arm(now.main), previous=_from_arm(now.previous))

    def set_canary(self, request: pb.SetCanaryRequest) -> pb.SetCanaryResponse:
        """Set or end the canary."""
        artifact = _path("artifact", request.artifact)
        self._versions.set_canary("admin", artifact, _share(artifact, request.share))
        return pb.SetCanaryResponse(canary=_from_canary(self._versions.switch.now))

    def set_shadow(self, request: pb.SetShadowRequest) -> pb.SetShadowResponse:
        """Set or end the shadow."""
        artifact = _path("artifact", request.artifact)
        self._versions.set_shadow("admin", artifact, _share(artifact, request.share))
        return pb.SetShadowResponse(shadow=_from_shadow(self._versions.switch.now))

    def get_status(self, _: pb.GetStatusRequest) -> pb.GetStatusResponse:
        """Say how things stand."""
        now, attempts = self._versions.switch.now, self._versions.attempts
        return pb.GetStatusResponse(
            in_force=_from_arm(now.main),
            previous=_from_arm(now.previous),
            last_attempt=_from_attempt(attempts.last),
            attempt_counts=[
                pb.AttemptCount(action=int(action), outcome=int(outcome), count=count)  # type: ignore[arg-type]  # equal values
                for (action, outcome), count in sorted(attempts.counts().items())
            ],
            canary=_from_canary(now),
            shadow=_from_shadow(now),
        )


def admin_handler(
    servicer: AdminServicer, threads: Threads, calls: CallsInFlight
) -> grpc.GenericRpcHandler:
    """Return ``router.v1.AdminService`` for an asyncio server.

    Args:
        servicer: What the methods do.
        threads: One, so that changes wait for one another.
        calls: Counts the calls in flight.
    """
    methods: dict[str, Method] = {
        "Reload": servicer.reload,
        "Rollback": servicer.rollback,
        "SetCanary": servicer.set_canary,
        "SetShadow": servicer.set_shadow,
        "GetStatus": servicer.get_status,
    }
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for method in _DESCRIPTOR.methods:
        run = on_loop if method.name == "GetStatus" else in_thread
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            run(
                methods[method.name],
                decoder(method.input_type, Limits()),
                calls,
                threads,
                method.name,
            ),
            response_serializer=GetMessageClass(method.output_type).SerializeToString,
        )
    return grpc.method_handlers_generic_handler(ADMIN_SERVICE, handlers)


def _path(field: str, given: str) -> Path | None:
    if len(given) > _MAX_PATH_CHARS or "\0" in given:
        raise InvalidRequestError(
            field,
            f"{len(given)} characters given, must be a path of at most {_MAX_PATH_CHARS} without "
            "NUL",
            reason="PATH_INVALID",
            metadata={"limit": str(_MAX_PATH_CHARS)},
        )
    return Path(given) if given else None


def _share(artifact: Path | None, given: float) -> float:
    right = 0.0 < given <= 1.0 if artifact is not None else given == 0.0
    if not right:
        raise InvalidRequestError(
            "share",
            f"{given:g} given, must be above 0 and at most 1 with an artifact, and unset without",
            reason="SHARE_OUT_OF_RANGE",
            metadata={"given": str(given)},
        )
    return given


def _from_arm(arm: Arm | None) -> pb.Version | None:
    if arm is None:
        return None
    artifact_version, catalog_version = arm.versions
    return pb.Version(
        artifact_version=artifact_version,
        catalog_version=catalog_version,
        artifact=str(arm.artifact_directory),
        catalog=str(arm.catalog_file),
        loaded=to_timestamp(arm.since_unix),
    )


def _from_attempt(attempt: Attempt | None) -> pb.Attempt | None:
    if attempt is None:
        return None
    return pb.Attempt(
        action=int(attempt.action),  # type: ignore[arg-type]  # values equal the wire enum's
        outcome=int(attempt.outcome),  # type: ignore[arg-type]  # the same
        trigger=attempt.trigger,
        began=to_timestamp(attempt.began_unix),
        seconds=attempt.seconds,
        reason=attempt.reason,
        message=attempt.message,
    )


def _from_canary(now: InForce) -> pb.Canary | None:
    canary, arm = now.canary, now.canary_arm
    if canary is None or arm is None:
        return None
    return pb.Canary(
        artifact_version=canary.version,
        artifact=str(arm.artifact_directory),
        share=canary.share,
        main=_from_counted(canary.counted(by_canary=False)),
        canary=_from_counted(canary.counted(by_canary=True)),
    )


def _from_counted(counted: Counted) -> pb.ArmCounts:
    return pb.ArmCounts(
        decision_count=counted.decisions,
        tier_counts=counted.tiers,
        expected_cost_usd=_from_interval(counted.expected_cost_usd),
        adequacy=_from_interval(counted.adequacy),
    )


def _from_shadow(now: InForce) -> pb.Shadow | None:
    shadow = now.shadow
    if shadow is None:
        return None
    compared = shadow.comparison.so_far()
    return pb.Shadow(
        artifact_version=shadow.engine.artifact.version,
        artifact=str(now.shadow_directory),
        share=shadow.share,
        compared_count=compared.requests,
        dropped_count=shadow.dropped,
        failure_counts=compared.failures,
        same_tier=_from_interval(compared.same_tier),
        same_deployment=_from_interval(compared.same_deployment),
        cost_difference_usd=_from_interval(compared.cost_usd),
        cost_difference_usd_by_shadow=_from_interval(compared.cost_usd_by_shadow),
        adequacy_difference=_from_interval(compared.adequacy),
        adequacy_difference_by_shadow=_from_interval(compared.adequacy_by_shadow),
        tier_adequacy_differences={
            tier: pb.Interval(value=value, low=low, high=high)
            for tier, (value, low, high) in compared.tier_adequacy.items()
        },
        moves=[
            pb.TierMove(tier=tier, shadow_tier=other, count=count)
            for (tier, other), count in sorted(compared.moves.items())
        ],
    )


def _from_interval(interval: Interval) -> pb.Interval | None:
    if math.isnan(interval.value):
        return None
    return pb.Interval(value=interval.value, low=interval.low, high=interval.high)
