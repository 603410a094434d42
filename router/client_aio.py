"""The client for asyncio: the same methods as ``client.RouterClient``, to be awaited."""

from collections.abc import Callable
from typing import Any, Self

import grpc
from grpc_health.v1 import health_pb2

from router.call_error import CallError, readable
from router.client_base import ClientBase
from router.connection import Tls
from router.fallback import TierChoice, answered, by_default, checked_default
from router.v1 import admin_pb2
from router.v1 import router_pb2 as pb


class AioRouterClient(ClientBase[grpc.aio.Channel]):
    """A connection of one event loop; make it where that loop runs.

    An asynchronous context manager, or ``close`` it. Made and refused as ``ClientBase`` says.
    """

    def _connected(self, tls: Tls | None, options: list[tuple[str, Any]]) -> grpc.aio.Channel:
        if tls is None:
            return grpc.aio.insecure_channel(self.address, options)
        return grpc.aio.secure_channel(self.address, tls.credentials(), options)

    async def decide(
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
            return answered(await self.route(request, timeout_seconds=timeout_seconds))
        except CallError as error:
            return by_default(tier, error)

    async def route(
        self, request: pb.RouteRequest, *, timeout_seconds: float | None = None
    ) -> pb.RouteResponse:
        """Return the decision for one request."""
        answer: pb.RouteResponse = await self._call(self._stub.Route, request, timeout_seconds)
        return answer

    async def route_batch(
        self, request: pb.RouteBatchRequest, *, timeout_seconds: float | None = None
    ) -> pb.RouteBatchResponse:
        """Return a decision or an error for each of many requests."""
        answer: pb.RouteBatchResponse = await self._call(
            self._stub.RouteBatch, request, timeout_seconds
        )
        return answer

    async def review(
        self, request: pb.ReviewRequest, *, timeout_seconds: float | None = None
    ) -> pb.ReviewResponse:
        """Return what to do with the answers so far; see also ``answer_digest``."""
        answer: pb.ReviewResponse = await self._call(self._stub.Review, request, timeout_seconds)
        return answer

    async def list_tiers(self, *, timeout_seconds: float | None = None) -> pb.ListTiersResponse:
        """Return the catalog in force."""
        request = pb.ListTiersRequest()
        answer: pb.ListTiersResponse = await self._call(
            self._stub.ListTiers, request, timeout_seconds
        )
        return answer

    async def record_outcome(
        self, request: pb.RecordOutcomeRequest, *, timeout_seconds: float | None = None
    ) -> pb.RecordOutcomeResponse:
        """Report what came of a decision; it is durable when this returns."""
        answer: pb.RecordOutcomeResponse = await self._call(
            self._stub.RecordOutcome, request, timeout_seconds
        )
        return answer

    async def record_audit(
        self, request: pb.RecordAuditRequest, *, timeout_seconds: float | None = None
    ) -> pb.RecordAuditResponse:
        """Report both qualities of an audited decision; they are durable when this returns."""
        answer: pb.RecordAuditResponse = await self._call(
            self._stub.RecordAudit, request, timeout_seconds
        )
        return answer

    async def promise(self, *, timeout_seconds: float | None = None) -> pb.GetPromiseResponse:
        """Return how the contracts in use are kept."""
        request = pb.GetPromiseRequest()
        answer: pb.GetPromiseResponse = await self._call(
            self._stub.GetPromise, request, timeout_seconds
        )
        return answer

    async def health(self, service: str = "readiness") -> str:
        """Return the health of ``service`` as its name, such as "SERVING"."""
        request = health_pb2.HealthCheckRequest(service=service)
        answer = await self._call(self._health.Check, request)
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(answer.status))

    async def reload(self, request: admin_pb2.ReloadRequest) -> admin_pb2.ReloadResponse:
        """Have the server load and swap in an artifact and a catalog."""
        answer: admin_pb2.ReloadResponse = await self._call(self._admin.Reload, request)
        return answer

    async def rollback(self) -> admin_pb2.RollbackResponse:
        """Have the server go back to what was in force before."""
        request = admin_pb2.RollbackRequest()
        answer: admin_pb2.RollbackResponse = await self._call(self._admin.Rollback, request)
        return answer

    async def set_canary(self, request: admin_pb2.SetCanaryRequest) -> admin_pb2.SetCanaryResponse:
        """Have a second artifact answer a share of sessions."""
        answer: admin_pb2.SetCanaryResponse = await self._call(self._admin.SetCanary, request)
        return answer

    async def set_shadow(self, request: admin_pb2.SetShadowRequest) -> admin_pb2.SetShadowResponse:
        """Have a second artifact decide a share of requests without effect."""
        answer: admin_pb2.SetShadowResponse = await self._call(self._admin.SetShadow, request)
        return answer

    async def status(self) -> admin_pb2.GetStatusResponse:
        """Return what is in force, what was tried last, and what canary and shadow show."""
        request = admin_pb2.GetStatusRequest()
        answer: admin_pb2.GetStatusResponse = await self._call(self._admin.GetStatus, request)
        return answer

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def _call(
        self, method: Callable[..., Any], request: Any, timeout_seconds: float | None = None
    ) -> Any:
        timeout = self._seconds(timeout_seconds)
        metadata = grpc.aio.Metadata(*self._metadata)
        try:
            return await method(request, timeout=timeout, metadata=metadata)
        except grpc.RpcError as error:
            raise readable(error, self.address, timeout) from error
