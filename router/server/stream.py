"""``RouteStream``: a reader that fills an inbox, a writer that decides what lies there and answers.

What arrived while the last answers were written is decided together, as a batch in a thread; one
request alone is decided on the loop, as ``Route`` does. Here is only that flow and its end.
"""

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Protocol

import grpc

from router.access.callers import current_caller
from router.errors import RouterError
from router.server.counted import MethodCounts
from router.server.in_flight import CallsInFlight
from router.server.results import failed_in_bytes, result_in_bytes
from router.server.servicer import RouterServicer, Unfinished
from router.server.status import answer_error
from router.server.threads import Threads
from router.v1 import router_pb2 as pb

MOST_TOGETHER = 64
"""Requests decided in one pass; each pass keeps a thread busy for some milliseconds."""

_MOST_WAITING = 256
_MOST_WAITING_BYTES = 16 * 1024 * 1024
_STOPPING_TEXT = "the server is stopping; open another stream and send what was not answered"

Decode = Callable[[bytes], Any]


class StreamContext(Protocol):
    """What is used of a streaming call's context."""

    async def write(self, message: Any) -> None:
        """Send one message."""

    async def abort(self, code: grpc.StatusCode, text: str) -> None:
        """End the call with a status."""


class Streams:
    """The open streams of a server; only the loop's thread touches it."""

    def __init__(self) -> None:
        self.is_closed = False
        self._readers: set[asyncio.Task[None]] = set()

    def close(self) -> None:
        """Read no more: every stream ends once it has answered what was read."""
        self.is_closed = True
        for reader in self._readers:
            reader.cancel()

    def start(self, inbox: "Inbox", requests: AsyncIterator[bytes]) -> "asyncio.Task[None]":
        """Begin to read a stream into its inbox."""
        reader = asyncio.get_running_loop().create_task(inbox.fill(requests))
        self._readers.add(reader)
        reader.add_done_callback(self._readers.discard)
        if self.is_closed:
            reader.cancel()
        return reader


class Inbox:
    """Requests of one stream that wait for their decision: so many, or so many bytes, and one."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._changed = asyncio.Event()
        self._has_room = asyncio.Event()

    async def fill(self, requests: AsyncIterator[bytes]) -> None:
        """Read to the end of the stream, pausing while there is no room, or no leave to send.

        A request beyond the caller's rate is waited for, and the caller by gRPC's flow control;
        the gate has let the first one in.
        """
        caller, is_first = current_caller(), True
        async for raw in requests:
            while caller is not None and not is_first and (wait := caller.take()):
                await asyncio.sleep(wait)
            is_first = False
            self._waiting.append(raw)
            self._bytes += len(raw)
            self._changed.set()
            if len(self._waiting) >= _MOST_WAITING or self._bytes >= _MOST_WAITING_BYTES:
                self._has_room.clear()
                await self._has_room.wait()

    def wake(self, _: "asyncio.Task[None]") -> None:
        """Let ``take`` look again; called when the reader has ended."""
        self._changed.set()

    async def take(self, most: int, reader: "asyncio.Task[None]") -> list[bytes]:
        """Wait for requests and return at most so many; none when the stream has ended."""
        while not self._waiting:
            if reader.done():
                return []
            self._changed.clear()
            await self._changed.wait()
        taken = [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]
        self._bytes -= sum(map(len, taken))
        self._has_room.set()
        return taken


@dataclass(frozen=True, slots=True)
class RouteStream:
    """The method of that name.

    Attributes:
        servicer: Decides.
        decode: Bytes to a ``RouteRequest``; raises ``RouterError``.
        calls: A stream counts as one call.
        threads: Decide what arrives together.
        streams: Where a stream is known while it is open.
        most_together: Requests in one pass, at least 1.
    """

    servicer: RouterServicer
    decode: Decode
    calls: CallsInFlight
    threads: Threads
    streams: Streams
    most_together: int

    async def serve(self, requests: AsyncIterator[bytes], context: StreamContext) -> None:
        """Answer one stream, from its first request to its end."""
        counts = MethodCounts(self.calls.counted, "RouteStream")
        began = time.perf_counter()
        self.calls.count += 1
        inbox = Inbox()
        reader = self.streams.start(inbox, requests)
        reader.add_done_callback(inbox.wake)
        try:
            self.calls.check()
            while taken := await inbox.take(self.most_together, reader):
                for result in await self._decide(taken):
                    await context.write(result)
            if self.streams.is_closed:
                await context.abort(grpc.StatusCode.UNAVAILABLE, _STOPPING_TEXT)
            counts.ended(time.perf_counter() - began)
        except grpc.aio.AbortError:
            counts.failed("UNAVAILABLE", "STOPPING", time.perf_counter() - began)
            raise
        except asyncio.CancelledError:
            counts.failed("CANCELLED", "CANCELLED", time.perf_counter() - began)
            raise
        except Exception as error:
            counts.refused(error, time.perf_counter() - began)
            await answer_error(error, context, "RouteStream")
        finally:
            reader.cancel()
            self.calls.count -= 1

    async def _decide(self, taken: list[bytes]) -> list[bytes]:
        requests: list[pb.RouteRequest] = []
        errors: dict[int, RouterError] = {}
        for place, raw in enumerate(taken):
            try:
                requests.append(self.decode(raw))
            except RouterError as error:
                errors[place] = error
        results = iter(await self._decide_decoded(requests))
        return [
            failed_in_bytes(errors[place]) if place in errors else next(results)
            for place in range(len(taken))
        ]

    async def _decide_decoded(self, requests: list[pb.RouteRequest]) -> list[bytes]:
        if len(requests) > 1:
            results: list[bytes]
            results = await self.threads.run_anyway(self.servicer.decide_all, requests)
            return results
        if not requests:
            return []
        try:
            decided = self.servicer.route(requests[0])
        except RouterError as error:
            return [failed_in_bytes(error)]
        if isinstance(decided, Unfinished):
            decided = await self.threads.run_anyway(decided.finish)
        return [result_in_bytes(decided)]
