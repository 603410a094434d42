"""How each method of the service is run on the event loop, and what is done around every call.

``Route`` and ``ListTiers`` compute for a fraction of a millisecond and run on the loop itself; a
batch computes for long and an outcome waits for the disk, so both go to threads. Errors become
status here, calls in flight are counted, and a call whose time is over costs no work. What the
methods do stands in ``servicer``; why a loop and not a pool of threads in docs/decisions/0003.
"""

import asyncio
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from contextvars import copy_context
from typing import Any

import grpc
from google.protobuf.descriptor import Descriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from router.errors import InvalidRequestError
from router.server.bounds import Bounds
from router.server.limits import Limits
from router.server.servicer import RouterServicer, Unfinished
from router.server.status import answer_error
from router.v1 import router_pb2

_DESCRIPTOR = router_pb2.DESCRIPTOR.services_by_name["RouterService"]
SERVICE = _DESCRIPTOR.full_name

Method = Callable[[Any], Any]
Decode = Callable[[bytes], Any]
AsyncMethod = Callable[[bytes, Any], Awaitable[Any]]

_ENDED_TEXT = "the call ended before it was looked at; retry"


class CallsInFlight:
    """A count that only the loop's thread changes."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0


def on_loop(
    method: Method, decode: Decode, calls: CallsInFlight, executor: Executor
) -> AsyncMethod:
    """Return a handler that runs a short method where the loop runs, what it leaves in a thread."""

    async def handler(raw: bytes, context: Any) -> Any:
        calls.count += 1
        try:
            if context.time_remaining() == 0:
                await context.abort(grpc.StatusCode.DEADLINE_EXCEEDED, _ENDED_TEXT)
            answer = method(decode(raw))
            if type(answer) is Unfinished:
                await asyncio.get_running_loop().run_in_executor(executor, answer.finish)
                return answer.answer
            return answer
        except grpc.aio.AbortError:
            raise
        except Exception as error:
            await answer_error(error, context, method.__qualname__)
        finally:
            calls.count -= 1

    return handler


def in_thread(
    method: Method, decode: Decode, calls: CallsInFlight, executor: Executor
) -> AsyncMethod:
    """Return a handler that runs a method in a thread, unless its call ends while it is queued."""

    async def handler(raw: bytes, context: Any) -> Any:
        calls.count += 1
        try:
            loop = asyncio.get_running_loop()
            # The thread sees who is calling, as the loop does.
            inside = copy_context().run
            return await loop.run_in_executor(executor, inside, method, decode(raw))
        except Exception as error:
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


def service_handler(
    servicer: RouterServicer, executor: Executor, calls: CallsInFlight
) -> grpc.GenericRpcHandler:
    """Return ``router.v1.RouterService`` for an asyncio server."""
    short: dict[str, Method] = {"Route": servicer.route, "ListTiers": servicer.list_tiers}
    long: dict[str, Method] = {
        "RouteBatch": servicer.route_batch,
        "RecordOutcome": servicer.record_outcome,
        "Review": servicer.review,
        "RecordAudit": servicer.record_audit,
        "GetPromise": servicer.get_promise,
    }
    handlers: dict[str, grpc.RpcMethodHandler[Any, Any]] = {}
    for method in _DESCRIPTOR.methods:
        decode = decoder(method.input_type, servicer.limits)
        behaviour = (
            on_loop(short[method.name], decode, calls, executor)
            if method.name in short
            else in_thread(long[method.name], decode, calls, executor)
        )
        handlers[method.name] = grpc.unary_unary_rpc_method_handler(
            behaviour, response_serializer=GetMessageClass(method.output_type).SerializeToString
        )
    return grpc.method_handlers_generic_handler(SERVICE, handlers)
