"""How each method of the service is run on the event loop, and what is done around every call.

``Route`` and ``ListTiers`` compute for a fraction of a millisecond and run on the loop itself, and
``RecordOutcome`` hands over to the writer's thread; what computes or waits for long goes to
threads (``RouteStream``, which does both, is ``stream``). Errors become status here, calls in
flight are counted, and a call whose time is over costs no work. What the methods do stands in
``servicer``; why a loop and not a pool of threads in docs/decisions/0010.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from functools import wraps
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError, Message
from google.protobuf.message_factory import GetMessageClass

from router.access.callers import current_caller
from router.errors import InvalidRequestError
from router.server.bounds import Bounds
from router.server.counted import MethodCounts
from router.server.in_flight import CallsInFlight
from router.server.limits import Limits
from router.server.servicer import Pending, RouterServicer, Unfinished
from router.server.status import answer_error
from router.server.stream import MOST_TOGETHER, RouteStream, Streams
from router.server.threads import Threads
from router.v1 import router_pb2

_DESCRIPTOR = router_pb2.DESCRIPTOR.services_by_name["RouterService"]
SERVICE = _DESCRIPTOR.full_name

Method = Callable[[Any], Any]
Decode = Callable[[bytes], Any]
AsyncMethod = Callable[[bytes, Any], Awaitable[Any]]
Behaviour = Callable[[bytes, Any], Any]
"""Of a call's bytes and context: an answer, or what is to be awaited for it."""

_ENDED_TEXT = "the call ended before it was looked at; retry"


def on_loop(
    method: Method, decode: Decode, calls: CallsInFlight, threads: Threads, name: str = "Route"
) -> AsyncMethod:
    """Return a handler that runs a short method where the loop runs.

    What the method leaves to be done is done in a thread, and waited for without holding one.
    """

    def behaviour(raw: bytes, context: Any) -> Any:
        if context.time_remaining() == 0:
            return context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, _ENDED_TEXT)
        answer = method(decode(raw))
        if type(answer) is Unfinished:
            return finished(answer)
        if type(answer) is Pending:
            return followed(answer)
        return answer

    async def finished(answer: Unfinished) -> Any:
        return await threads.run_anyway(answer.finish)

    async def followed(answer: Pending) -> Any:
        return answer.answer(await asyncio.wrap_future(answer.future))

    return _counted(behaviour, method, calls, name)


def in_thread(
    method: Method, decode: Decode, calls: CallsInFlight, threads: Threads, name: str
) -> AsyncMethod:
    """Return a handler that runs a method in a thread, unless its call ends while it is queued."""

    async def behaviour(raw: bytes, context: Any) -> Any:
        left = context.time_remaining()
        return await threads.run(method, decode(raw), seconds_left=left, size=len(raw))

    return _counted(behaviour, method, calls, name)


def _counted(behaviour: Behaviour, method: Method, calls: CallsInFlight, name: str) -> AsyncMethod:
    """Return a handler that counts its calls and ends those that fail with a status."""
    counts, clock = MethodCounts(calls.counted, name), time.perf_counter

    async def handler(raw: bytes, context: Any) -> Any:
        began = clock()
        calls.count += 1
        try:
            calls.check()
            answer = behaviour(raw, context)
            if not isinstance(answer, (bytes, Message)):  # most answers are there at once
                answer = await answer
            seconds = clock() - began
            counts.ended(seconds)
            if calls.traces is not None and name == "Route":
                decided = router_pb2.RouteResponse.FromString(answer)
                calls.traces.answered(context.invocation_metadata(), decided, seconds)
            return answer
        except grpc.aio.AbortError:
            counts.failed("DEADLINE_EXCEEDED", "ENDED_BEFORE_LOOKED_AT", clock() - began)
            raise
        except asyncio.CancelledError:
            counts.failed("CANCELLED", "CANCELLED", clock() - began)
            raise
        except Exception as error:
            counts.refused(error, clock() - began)
            await answer_error(error, context, method.__qualname__)
        finally:
            calls.count -= 1

    return handler


def decoder(kind: Descriptor, limits: Limits) -> Decode:
    """Return what parses a message of a kind.

    Raises (when called):
        InvalidRequestError: the bytes are no such message, or hold more than one may.
    """
    message = GetMessageClass(kind)
    bounds = Bounds(kind, limits)

    def decode(raw: bytes) -> Any:
        bounds.check(raw)
        try:
            return message.FromString(raw)
        except DecodeError as error:
            raise InvalidRequestError(
                "request",
                f"{len(raw)} bytes given that are no {kind.full_name}; encode the request with "
                "stubs generated from router.proto",
                reason="NOT_A_MESSAGE",
            ) from error

    return decode


def serialized(answer: Any) -> bytes:
    """Return an answer in bytes, as which decisions are written."""
    return answer if type(answer) is bytes else answer.SerializeToString()


def _charged(route_batch: Method) -> Method:
    """Return the method, counting a batch as its requests; the gate has counted one of them."""

    @wraps(route_batch)
    def charged(request: Any) -> Any:
        if (caller := current_caller()) is not None:
            caller.charge(max(len(request.requests) - 1, 0))
        return route_batch(request)

    return charged


def service_handler(
    servicer: RouterServicer,
    threads: Threads,
    calls: CallsInFlight,
    streams: Streams,
    max_batch: int,
) -> grpc.GenericRpcHandler:
    """Return ``router.v1.RouterService`` for an asyncio server."""
    short: dict[str, Method] = {
        "Route": servicer.route,
        "ListTiers": servicer.list_tiers,
        "RecordOutcome": servicer.record_outcome,
    }
    long: dict[str, Method] = {
        "RouteBatch": _charged(servicer.route_batch),
        "Review": servicer.review,
        "RecordAudit": servicer.record_audit,
        "GetPromise": servicer.get_promise,
    }
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for method in _DESCRIPTOR.methods:
        decode = decoder(method.input_type, servicer.limits)
        if method.name == "RouteStream":
            together = min(MOST_TOGETHER, max_batch)
            handlers[method.name] = grpc.stream_stream_rpc_method_handler(
                RouteStream(servicer, decode, calls, threads, streams, together).serve,
                response_serializer=serialized,
            )
            continue
        behaviour = (
            on_loop(short[method.name], decode, calls, threads, method.name)
            if method.name in short
            else in_thread(long[method.name], decode, calls, threads, method.name)
        )
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            behaviour, response_serializer=serialized
        )
    return grpc.method_handlers_generic_handler(SERVICE, handlers)
