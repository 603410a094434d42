"""A thin client of the service: a channel, a deadline on every call, errors one can read.

Requests and answers are the generated messages. Retries, caching and a richer surface are not
here; whoever needs a channel of their own uses the stubs in ``router.v1``.
"""

from collections.abc import Callable, Mapping
from typing import Any, Self

import grpc
from google.rpc import error_details_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_status import rpc_status

from router.errors import RouterError
from router.review.digest import ANSWER_FEATURES_VERSION, digest_of
from router.v1 import admin_pb2, admin_pb2_grpc, router_pb2_grpc
from router.v1 import router_pb2 as pb

DEFAULT_TIMEOUT_SECONDS = 5.0


class CallError(RouterError):
    """A call to a server failed. ``code`` is the status it ended with."""

    code = "UNKNOWN"
    default_reason = "CALL_FAILED"

    def __init__(
        self,
        message: str,
        *,
        code: str = "UNKNOWN",
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.code = code


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


class RouterClient:
    """A connection to one server. Use as a context manager, or call ``close``.

    Args:
        address: host:port of the server.
        timeout_seconds: Deadline of each call, > 0.

    Every method raises ``CallError`` when the call fails.
    """

    def __init__(self, address: str, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> None:
        self.address = address
        self._timeout_seconds = timeout_seconds
        self._channel = grpc.insecure_channel(address)
        self._stub = router_pb2_grpc.RouterServiceStub(self._channel)
        self._admin = admin_pb2_grpc.AdminServiceStub(self._channel)
        self._health = health_pb2_grpc.HealthStub(self._channel)

    def route(self, request: pb.RouteRequest) -> pb.RouteResponse:
        """Return the decision for one request."""
        answer: pb.RouteResponse = self._call(self._stub.Route, request)
        return answer

    def route_batch(self, request: pb.RouteBatchRequest) -> pb.RouteBatchResponse:
        """Return a decision or an error for each of many requests."""
        answer: pb.RouteBatchResponse = self._call(self._stub.RouteBatch, request)
        return answer

    def review(self, request: pb.ReviewRequest) -> pb.ReviewResponse:
        """Return what to do with the answers so far; see also ``answer_digest``."""
        answer: pb.ReviewResponse = self._call(self._stub.Review, request)
        return answer

    def list_tiers(self) -> pb.ListTiersResponse:
        """Return the catalog in force."""
        answer: pb.ListTiersResponse = self._call(self._stub.ListTiers, pb.ListTiersRequest())
        return answer

    def record_outcome(self, request: pb.RecordOutcomeRequest) -> pb.RecordOutcomeResponse:
        """Report what came of a decision; it is durable when this returns."""
        answer: pb.RecordOutcomeResponse = self._call(self._stub.RecordOutcome, request)
        return answer

    def record_audit(self, request: pb.RecordAuditRequest) -> pb.RecordAuditResponse:
        """Report both qualities of an audited decision; they are durable when this returns."""
        answer: pb.RecordAuditResponse = self._call(self._stub.RecordAudit, request)
        return answer

    def promise(self) -> pb.GetPromiseResponse:
        """Return how the contracts in use are kept."""
        answer: pb.GetPromiseResponse = self._call(self._stub.GetPromise, pb.GetPromiseRequest())
        return answer

    def health(self, service: str = "readiness") -> str:
        """Return the health of ``service`` as its name, such as "SERVING"."""
        request = health_pb2.HealthCheckRequest(service=service)
        answer = self._call(self._health.Check, request)  # type: ignore[attr-defined]  # stub's gap
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

    def _call(self, method: Callable[..., Any], request: Any) -> Any:
        try:
            return method(request, timeout=self._timeout_seconds)
        except grpc.RpcError as error:
            raise self._readable(error) from error

    def _readable(self, error: Any) -> CallError:
        code: str = error.code().name
        status = rpc_status.from_call(error)
        if status is not None:
            info = error_details_pb2.ErrorInfo()
            for detail in status.details:
                if detail.Unpack(info):
                    break
            return CallError(
                status.message,
                code=code,
                reason=info.reason or None,
                metadata=dict(info.metadata),
            )
        if code == "UNAVAILABLE":
            text = (
                f"no router answers at {self.address}; start one with 'python -m router serve' or "
                "give another address"
            )
        elif code == "DEADLINE_EXCEEDED":
            text = (
                f"{self.address} did not answer within {self._timeout_seconds:g} s; try again or "
                "allow more time"
            )
        else:
            text = f"{self.address} answered {code}: {error.details()}"
        return CallError(text, code=code, metadata={"address": self.address})
