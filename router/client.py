"""A client of the service: one connection, a deadline on every call, errors one can read.

Requests and answers are the generated messages. What is tried again and how TLS and keys are sent
stands in ``connection``; ``client_aio`` is the same for asyncio. Caching is not here.
"""

from collections.abc import Callable
from typing import Any, Self

import grpc
from grpc_health.v1 import health_pb2

from router.call_error import CallError, NoDeploymentError, readable
from router.client_base import DEFAULT_TIMEOUT_SECONDS, ClientBase
from router.connection import SERVICE_CONFIG, Tls
from router.fallback import TierChoice, answered, by_default, checked_default
from router.review.digest import ANSWER_FEATURES_VERSION, digest_of
from router.v1 import admin_pb2
from router.v1 import router_pb2 as pb

__all__ = [
    "DEFAULT_TIMEOUT_SECONDS", "SERVICE_CONFIG", "CallError", "NoDeploymentError", "RouterClient",
    "TierChoice", "Tls", "answer_digest",
]  # fmt: skip


def answer_digest(text: str, key: bytes = b"") -> pb.AnswerDigest:
    """Return what a review needs to know of an answer, so that its text need not be sent.

    Args:
        text: The answer as it came from the model.
        key: Secret of the application, at most 64 bytes, the same for all answers to a prompt;
            without one, short final answers can be guessed from their hash.
    """
    digest = digest_of(text, key=key)
    return pb.AnswerDigest(
        kind=digest.kind.value,  # type: ignore[arg-type]  # values equal the wire enum's
        final_hash=digest.final_hash,
        features=digest.features,
        features_version=ANSWER_FEATURES_VERSION,
        refused=digest.refused,
    )


class RouterClient(ClientBase[grpc.Channel]):
    """A connection to a server, or to all servers of a name. A context manager, or ``close`` it.

    Made and refused as ``ClientBase`` says.
    """

    def _connected(self, tls: Tls | None, options: list[tuple[str, Any]]) -> grpc.Channel:
        if tls is None:
            return grpc.insecure_channel(self.address, options)
        return grpc.secure_channel(self.address, tls.credentials(), options)

    def decide(
        self,
        request: pb.RouteRequest,
        *,
        default_tier: str | None = None,
        timeout_seconds: float | None = None,
    ) -> TierChoice:
        """Return the router's choice; or the default tier, and why, when the router has none.

        A deadline far below the time the model takes keeps a slow router out of the way.

        Raises:
            CallError: the request is wrong.
            NoDeploymentError: no deployment may serve it, those of the default tier included.
            ConfigError: no default tier is set.
        """
        tier = checked_default(default_tier, self._default_tier)
        try:
            return answered(self.route(request, timeout_seconds=timeout_seconds))
        except CallError as error:
            return by_default(tier, error)

    def route(
        self, request: pb.RouteRequest, *, timeout_seconds: float | None = None
    ) -> pb.RouteResponse:
        """Return the decision for one request."""
        answer: pb.RouteResponse = self._call(self._stub.Route, request, timeout_seconds)
        return answer

    def route_batch(
        self, request: pb.RouteBatchRequest, *, timeout_seconds: float | None = None
    ) -> pb.RouteBatchResponse:
        """Return a decision or an error for each of many requests."""
        answer: pb.RouteBatchResponse = self._call(self._stub.RouteBatch, request, timeout_seconds)
        return answer

    def review(
        self, request: pb.ReviewRequest, *, timeout_seconds: float | None = None
    ) -> pb.ReviewResponse:
        """Return what to do with the answers so far; see also ``answer_digest``."""
        answer: pb.ReviewResponse = self._call(self._stub.Review, request, timeout_seconds)
        return answer

    def list_tiers(self, *, timeout_seconds: float | None = None) -> pb.ListTiersResponse:
        """Return the catalog in force."""
        request = pb.ListTiersRequest()
        answer: pb.ListTiersResponse = self._call(self._stub.ListTiers, request, timeout_seconds)
        return answer

    def record_outcome(
        self, request: pb.RecordOutcomeRequest, *, timeout_seconds: float | None = None
    ) -> pb.RecordOutcomeResponse:
        """Report what came of a decision; it is durable when this returns."""
        answer: pb.RecordOutcomeResponse = self._call(
            self._stub.RecordOutcome, request, timeout_seconds
        )
        return answer

    def record_audit(
        self, request: pb.RecordAuditRequest, *, timeout_seconds: float | None = None
    ) -> pb.RecordAuditResponse:
        """Report both qualities of an audited decision; they are durable when this returns."""
        answer: pb.RecordAuditResponse = self._call(
            self._stub.RecordAudit, request, timeout_seconds
        )
        return answer

    def promise(self, *, timeout_seconds: float | None = None) -> pb.GetPromiseResponse:
        """Return how the contracts in use are kept."""
        request = pb.GetPromiseRequest()
        answer: pb.GetPromiseResponse = self._call(self._stub.GetPromise, request, timeout_seconds)
        return answer

    def health(self, service: str = "readiness") -> str:
        """Return the health of ``service`` as its name, such as "SERVING"."""
        request = health_pb2.HealthCheckRequest(service=service)
        answer = self._call(self._health.Check, request)
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    def reload(self, request: admin_pb2.ReloadRequest) -> admin_pb2.ReloadResponse:
        """Have the server load and swap in an artifact and a catalog."""
        answer: admin_pb2.ReloadResponse = self._call(self._admin.Reload, request)
        return answer

    def rollback(self) -> admin_pb2.RollbackResponse:
        """Have the server go back to what was in force before."""
        request = admin_pb2.RollbackRequest()
        answer: admin_pb2.RollbackResponse = self._call(self._admin.Rollback, request)
        return answer

    def set_canary(self, request: admin_pb2.SetCanaryRequest) -> admin_pb2.SetCanaryResponse:
        """Have a second artifact answer a share of sessions."""
        answer: admin_pb2.SetCanaryResponse = self._call(self._admin.SetCanary, request)
        return answer

    def set_shadow(self, request: admin_pb2.SetShadowRequest) -> admin_pb2.SetShadowResponse:
        """Have a second artifact decide a share of requests without effect."""
        answer: admin_pb2.SetShadowResponse = self._call(self._admin.SetShadow, request)
        return answer

    def status(self) -> admin_pb2.GetStatusResponse:
        """Return what is in force, what was tried last, and what canary and shadow show."""
        request = admin_pb2.GetStatusRequest()
        answer: admin_pb2.GetStatusResponse = self._call(self._admin.GetStatus, request)
        return answer

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(
        self, method: Callable[..., Any], request: Any, timeout_seconds: float | None = None
    ) -> Any:
        timeout = self._seconds(timeout_seconds)
        try:
            return method(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise readable(error, self.address, timeout) from error
