"""Calls that need no key, such as health: so many at a time, and the oldest ends for the next.

Were the next one refused instead, anybody who reaches the port could keep balancers and probes from
asking, by calls that never end or never send what they ask, and the router would be taken for dead.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import grpc

from router.errors import CallerLimitError
from router.server.status import answer_error

MOST_OPEN_CALLS = 64
_RETRY_SECONDS = 0.05


class OpenCalls:
    """The calls without a key that are served. Belongs to the loop's thread."""

    def __init__(self) -> None:
        self._served: dict[asyncio.Task[None], None] = {}  # oldest first

    def __len__(self) -> int:
        return len(self._served)

    def guarded(
        self, handler: "grpc.RpcMethodHandler[Any, Any]", method: str
    ) -> "grpc.RpcMethodHandler[Any, Any]":
        """Return a handler of one request that ends when it is the oldest of too many.

        Args:
            handler: Takes one request; what answers with a stream writes to the context.
            method: Name for the log.
        """

        # Streams on both sides, so that the call is ours before its request has come.
        async def serve(requests: AsyncIterator[Any], context: Any) -> None:
            call = asyncio.create_task(_serve(handler, requests, context))
            self._enter(call)
            try:
                await asyncio.wait({call})
            finally:
                self._served.pop(call, None)
                call.cancel()  # nobody waits for it if we were cancelled ourselves
            if call.cancelled():
                await answer_error(_too_many(), context, method)
            call.result()

        return grpc.stream_stream_rpc_method_handler(
            serve,
            request_deserializer=handler.request_deserializer,
            response_serializer=handler.response_serializer,
        )

    def _enter(self, call: "asyncio.Task[None]") -> None:
        if len(self._served) >= MOST_OPEN_CALLS:
            oldest = next(iter(self._served))
            del self._served[oldest]
            oldest.cancel()
        self._served[call] = None


async def _serve(
    handler: "grpc.RpcMethodHandler[Any, Any]", requests: AsyncIterator[Any], context: Any
) -> None:
    async for request in requests:
        if handler.response_streaming:
            watch: Callable[..., Awaitable[None]] = handler.unary_stream  # type: ignore[assignment]  # of an asyncio server
            await watch(request, context)
        else:
            ask: Callable[..., Awaitable[Any]] = handler.unary_unary  # type: ignore[assignment]  # the same
            await context.write(await ask(request, context))
        return


def _too_many() -> CallerLimitError:
    return CallerLimitError(
        f"{MOST_OPEN_CALLS} calls that need no key came after this one; ask again, or ask the port "
        "for probes (health_address)",
        retry_seconds=_RETRY_SECONDS,
        reason="OPEN_CALLS",
        metadata={"limit": str(MOST_OPEN_CALLS)},
    )
