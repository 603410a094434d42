"""Client processes that put a load on the server and report how long each call took."""

import asyncio
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Literal, Self

import grpc
from google.protobuf import empty_pb2

from bench.server import ECHO_METHOD
from bench.texts import make_prompt
from router.v1 import router_pb2 as pb

Method = Literal["echo", "route", "batch"]
_PROMPTS = 400
_LEAST_PROMPTS = 4
_MOST_TOKENS = 400_000
"""Of all prompts of a block: making longer ones takes longer than the block."""
_PATHS: dict[Method, str] = {
    "echo": ECHO_METHOD,
    "route": "/router.v1.RouterService/Route",
    "batch": "/router.v1.RouterService/RouteBatch",
}
_WARM_CALLS = 30


@dataclass(frozen=True, slots=True)
class Job:
    """A block of calls.

    Attributes:
        method: What is called.
        tokens: Length of each prompt, in estimated tokens; 0 for the echo.
        in_flight: Calls at the same time, of all clients together.
        seconds: How long the block lasts.
        seed: Of the prompts; another seed gives other prompts.
        batch: Prompts in a RouteBatch.
        messages: Of the conversation, each of ``tokens``; the last one is the prompt.
    """

    method: Method
    tokens: int
    in_flight: int
    seconds: float
    seed: int
    batch: int = 256
    messages: int = 1


@dataclass(frozen=True, slots=True)
class Block:
    """What a block gave: milliseconds of each call, and calls a second of all clients."""

    latencies_ms: tuple[float, ...]
    calls_per_second: float


class Clients:
    """Client processes on one server. Use as a context manager."""

    def __init__(self, address: str, processes: int) -> None:
        context = get_context("spawn")
        self._members: list[tuple[SpawnProcess, Connection]] = []
        for _ in range(processes):
            ours, its = context.Pipe()
            process = context.Process(target=_client, args=(address, its))
            process.start()
            its.close()
            self._members.append((process, ours))

    def run(self, job: Job) -> Block:
        """Run one block; with one call in flight, only one client works."""
        used = self._members[: min(len(self._members), job.in_flight)]
        for index, (_, pipe) in enumerate(used):
            share = job.in_flight // len(used) + (index < job.in_flight % len(used))
            pipe.send((job, share, job.seed * 1_000 + index))
        for _, pipe in used:
            pipe.recv()  # prompts are made, the connection is warm
        for _, pipe in used:
            pipe.send("go")
        answers: list[tuple[list[float], float]] = [pipe.recv() for _, pipe in used]
        return Block(
            tuple(latency for latencies, _ in answers for latency in latencies),
            sum(len(latencies) / seconds for latencies, seconds in answers),
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for process, pipe in self._members:
            pipe.send(None)
            process.join()


def _client(address: str, pipe: Connection) -> None:
    with grpc.insecure_channel(address) as channel:
        while (order := pipe.recv()) is not None:
            job, in_flight, seed = order
            requests = make_requests(job, seed)
            if in_flight == 1:
                call = channel.unary_unary(
                    _PATHS[job.method], _serialize, _deserializer(job.method)
                )
                for request in requests[:_WARM_CALLS]:
                    call(request)
                pipe.send("ready")
                pipe.recv()
                pipe.send(_one_at_a_time(call, requests, job.seconds))
            else:
                asyncio.run(_many_at_a_time(address, pipe, job, requests, in_flight))


def make_requests(job: Job, seed: int) -> Sequence[Any]:
    """Return the requests of a block, each with another prompt."""
    generator = random.Random(seed)  # noqa: S311 - text, not a secret
    if job.method == "echo":
        return [empty_pb2.Empty()] * _WARM_CALLS
    if job.method == "route":
        affordable = _MOST_TOKENS // (job.tokens * job.messages)
        count = min(max(affordable, _LEAST_PROMPTS), _PROMPTS)
        return [route_request(generator, job.tokens, job.messages) for _ in range(count)]
    return [
        pb.RouteBatchRequest(
            requests=[
                pb.RouteRequest(prompt=make_prompt(generator, job.tokens)) for _ in range(job.batch)
            ]
        )
        for _ in range(8)
    ]


def route_request(generator: random.Random, tokens: int, messages: int) -> pb.RouteRequest:
    """Return a request of one prompt, or of a conversation whose last message is the user's."""
    prompt = make_prompt(generator, tokens)
    if messages == 1:
        return pb.RouteRequest(prompt=prompt)
    before = [
        pb.Message(role=("user", "assistant")[place % 2], content=make_prompt(generator, tokens))
        for place in range(messages - 1, 0, -1)
    ]
    return pb.RouteRequest(messages=[*before, pb.Message(role="user", content=prompt)])


def _serialize(message: Any) -> bytes:
    data: bytes = message.SerializeToString()
    return data


def _deserializer(method: Method) -> Callable[[bytes], Any]:
    answers: dict[Method, Any] = {
        "echo": empty_pb2.Empty,
        "route": pb.RouteResponse,
        "batch": pb.RouteBatchResponse,
    }
    deserialize: Callable[[bytes], Any] = answers[method].FromString
    return deserialize


def _one_at_a_time(
    call: Callable[[Any], Any], requests: Sequence[Any], seconds: float
) -> tuple[list[float], float]:
    latencies: list[float] = []
    began = now = time.perf_counter()
    while now - began < seconds:
        request = requests[len(latencies) % len(requests)]
        before = time.perf_counter()
        call(request)
        now = time.perf_counter()
        latencies.append((now - before) * 1e3)
    return latencies, now - began


async def _many_at_a_time(
    address: str, pipe: Connection, job: Job, requests: Sequence[Any], in_flight: int
) -> None:
    async with grpc.aio.insecure_channel(address) as channel:
        call = channel.unary_unary(_PATHS[job.method], _serialize, _deserializer(job.method))
        await asyncio.gather(*(call(request) for request in requests[:_WARM_CALLS]))
        pipe.send("ready")
        pipe.recv()
        latencies: list[float] = []
        began = time.perf_counter()

        async def keep_calling(place: int) -> None:
            while (before := time.perf_counter()) - began < job.seconds:
                await call(requests[place % len(requests)])
                latencies.append((time.perf_counter() - before) * 1e3)
                place += in_flight

        await asyncio.gather(*map(keep_calling, range(in_flight)))
        pipe.send((latencies, time.perf_counter() - began))
