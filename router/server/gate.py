"""The gate before every service: who is calling, may they, and is it too much.

It is an interceptor, because gRPC asks interceptors for every method, however its service was
added. A call that may not pass gets a handler that ends it at once, before its message is read.
Without a file of keys there is no gate and nothing is spent.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, TypeAlias

import grpc

from router.access.callers import CURRENT, Caller, Callers
from router.access.keys import id_of, is_key_of
from router.access.keys_file import CallerLimits
from router.access.scopes import needed_scope
from router.config import Config
from router.errors import (
    CallerLimitError,
    ConfigError,
    NotAuthenticatedError,
    NotPermittedError,
    RouterError,
)
from router.server.open_calls import OpenCalls
from router.server.status import answer_error

Handler: TypeAlias = "grpc.RpcMethodHandler[Any, Any] | None"

_IN_FLIGHT_RETRY_SECONDS = 0.05
_HOW = "send it as metadata 'authorization: Bearer KEY' or 'x-api-key: KEY'"


class Gate(grpc.aio.ServerInterceptor):
    """Lets calls pass by their API key.

    Attributes:
        callers: Of the file of keys.
        open_calls: Those that need no key: nobody without one takes places of those who have.
        refused: Calls refused so far, by code and reason.
    """

    def __init__(self, callers: Callers) -> None:
        self.callers = callers
        self.refused: Counter[tuple[str, str]] = Counter()
        self.open_calls = OpenCalls()

    async def intercept_service(
        self,
        continuation: Callable[[grpc.HandlerCallDetails], Awaitable[Handler]],
        handler_call_details: grpc.HandlerCallDetails,
    ) -> Handler:
        """Return what serves the call, or what refuses it."""
        method = handler_call_details.method
        scope = needed_scope(method)
        try:
            if scope is not None:
                self._enter(handler_call_details.invocation_metadata, scope, method)
        except RouterError as error:
            self.refused[error.code, error.reason] += 1
            await continuation(handler_call_details)  # the handlers count what has reached us
            return _refusal(error, method)
        handler = await continuation(handler_call_details)
        return handler if scope or handler is None else self.open_calls.guarded(handler, method)

    def _enter(self, metadata: Iterable[tuple[str, Any]], scope: str, method: str) -> None:
        """Let a call with a key in, and count it until it ends."""
        caller = self._admitted(metadata, scope, method)
        caller.in_flight += 1
        _call().add_done_callback(caller.left)
        CURRENT.set(caller)

    def _admitted(self, metadata: Iterable[tuple[str, Any]], scope: str, method: str) -> Caller:
        caller = self._known(metadata)
        entry = caller.entry
        if scope not in entry.scopes:
            raise NotPermittedError(
                f"{method}: needs the scope {scope!r}; the key {entry.id} of {entry.name!r} has "
                f"{sorted(entry.scopes)}: use another key",
                metadata={"key": entry.id, "needed": scope},
            )
        most = entry.limits.max_in_flight
        if most is not None and caller.in_flight >= most:
            raise CallerLimitError(
                f"{most} calls of the key {entry.id} are in flight, and it may have no more; wait "
                "for one to end",
                retry_seconds=_IN_FLIGHT_RETRY_SECONDS,
                reason="CALLER_IN_FLIGHT",
                metadata={"key": entry.id, "limit": str(most)},
            )
        wait_seconds = caller.take()
        if wait_seconds > 0.0:
            rate = entry.limits.requests_per_second
            raise CallerLimitError(
                f"the key {entry.id} may send {rate:g} requests a second; try again in "
                f"{wait_seconds:.3g} s",
                retry_seconds=wait_seconds,
                metadata={"key": entry.id, "limit": f"{rate:g}"},
            )
        return caller

    def _known(self, metadata: Iterable[tuple[str, Any]]) -> Caller:
        shown = _shown_key(metadata)
        if shown is None:
            raise NotAuthenticatedError(f"no API key given; {_HOW}", reason="KEY_MISSING")
        identifier = id_of(shown)
        caller = None if identifier is None else self.callers.find(identifier)
        if caller is None or not is_key_of(shown, caller.entry.sha256):
            raise NotAuthenticatedError(
                f"the API key given is not known here, or was revoked; {_HOW}", reason="KEY_UNKNOWN"
            )
        if time.time() >= caller.entry.expires_at:
            raise NotAuthenticatedError(
                f"the API key {caller.entry.id} is over; ask for a new one",
                reason="KEY_EXPIRED",
                metadata={"key": caller.entry.id},
            )
        return caller


def _call() -> "asyncio.Task[Any]":
    """Return the call: gRPC runs each as a task of its own, the gate and the method inside it."""
    task = asyncio.current_task()
    if task is None:
        raise RuntimeError("a gate works on an asyncio server only")
    return task


def _shown_key(metadata: Iterable[tuple[str, Any]]) -> str | None:
    """Return what stands in the first of the two headers, however it reads."""
    for name, value in metadata:
        if name == "x-api-key":
            return str(value)
        if name == "authorization":
            kind, _, token = str(value).partition(" ")
            return token.strip() if kind.lower() == "bearer" else ""
    return None


def _refusal(error: RouterError, method: str) -> Handler:
    async def refuse(_: object, context: Any) -> None:
        await answer_error(error, context, method)

    # Streams on both sides: what a refused caller sends is not waited for, whatever the method is.
    return grpc.stream_stream_rpc_method_handler(refuse)


def gate_of(config: Config) -> Gate | None:
    """Return the gate of the configured keys; None without.

    Raises:
        ConfigError: the file of keys is refused, or there are limits of callers and no keys.
    """
    if config.api_keys is None:
        for key in ("caller_requests_per_second", "caller_max_in_flight"):
            if getattr(config, key) is not None:
                raise ConfigError(
                    f"{key} = {getattr(config, key)!r}: limits each API key, and api_keys is not "
                    "given; give a file of keys or leave the limit out",
                    metadata={"key": key},
                )
        return None
    limits = CallerLimits(
        config.caller_requests_per_second, config.caller_burst, config.caller_max_in_flight
    )
    return Gate(Callers(config.api_keys, limits))
