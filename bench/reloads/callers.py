"""The load: a process that calls all the while and holds every answer against what it must say.

What an answer must say is known per version and prompt, from engines loaded beforehand, so that a
decision of a bad artifact, or one half of one version and half of another, is noticed by its
numbers even if it states a good version.
"""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any, Self

import grpc

from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

Numbers = tuple[tuple[float, float], ...]
Expected = Mapping[tuple[str, str, int], Numbers]
"""By versions of artifact and catalog and number of the prompt: adequacy and cost by candidate."""

_CLOSE = 1e-5
_BATCH = 16
_TIMEOUT_SECONDS = 60.0


@dataclass(slots=True)
class Seen:
    """What the callers saw.

    Attributes:
        decisions: By version of the artifact that is stated.
        failed: Failed calls by status.
        wrong: Decisions whose numbers are not those of the versions they state.
        unknown: Decisions that state versions nobody may state.
        calls: Moment a call began, on ``time.monotonic``, and milliseconds it took; Route only.
    """

    decisions: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    wrong: int = 0
    unknown: int = 0
    calls: list[tuple[float, float]] = field(default_factory=list)


class Callers:
    """The process. Use as a context manager; ``stop`` gives what was seen."""

    def __init__(
        self, address: str, prompts: Sequence[str], expected: Expected, rate: float, seed: int
    ) -> None:
        context = get_context("spawn")
        self._pipe, its = context.Pipe()
        self._process: SpawnProcess = context.Process(
            target=_call, args=(address, tuple(prompts), dict(expected), rate, seed, its)
        )
        self._process.start()
        its.close()
        self._pipe.recv()

    def stop(self) -> Seen:
        """End the calls and return what was seen."""
        self._pipe.send("stop")
        seen: Seen = self._pipe.recv()
        self._process.join()
        return seen

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.is_alive():
            self._process.terminate()
            self._process.join()


def _call(
    address: str, prompts: Sequence[str], expected: Expected, rate: float, seed: int,
    pipe: Connection,
) -> None:  # fmt: skip
    asyncio.run(_Caller(prompts, expected, rate, seed).run(address, pipe))


class _Caller:
    """Calls at random moments, ``rate`` a second, whether answers are there or not."""

    def __init__(self, prompts: Sequence[str], expected: Expected, rate: float, seed: int) -> None:
        self._prompts = prompts
        self._expected = expected
        self._rate = rate
        self._generator = random.Random(seed)  # noqa: S311 - moments and prompts, no secret
        self._seen = Seen()

    async def run(self, address: str, pipe: Connection) -> None:
        """Call until told to stop, wait for what is out, and tell what was seen."""
        async with grpc.aio.insecure_channel(address) as channel:
            stub: Any = RouterServiceStub(channel)  # its types are those of calls that block
            await stub.ListTiers(pb.ListTiersRequest(), timeout=_TIMEOUT_SECONDS)
            pipe.send("ready")
            out: set[asyncio.Task[None]] = set()
            due = time.monotonic()
            while not pipe.poll():
                due += self._generator.expovariate(self._rate)
                await asyncio.sleep(max(due - time.monotonic(), 0.0))
                task = asyncio.create_task(self._one(stub, due))
                out.add(task)
                task.add_done_callback(out.discard)
            await asyncio.gather(*out)
        pipe.send(self._seen)

    async def _one(self, stub: Any, due: float) -> None:
        draw = self._generator.random()
        number = self._generator.randrange(len(self._prompts))
        try:
            if draw < 0.9:
                request = pb.RouteRequest(prompt=self._prompts[number])
                answer = await stub.Route(request, timeout=_TIMEOUT_SECONDS)
                self._seen.calls.append((due, (time.monotonic() - due) * 1e3))
                self._hold(answer, number)
                if draw < 0.1:
                    await self._review(stub, answer)
            else:
                await self._batch(stub)
        except grpc.aio.AioRpcError as error:
            self._seen.failed[f"{error.code().name} {error.details()}"] += 1

    async def _batch(self, stub: Any) -> None:
        numbers = [self._generator.randrange(len(self._prompts)) for _ in range(_BATCH)]
        requests = [pb.RouteRequest(prompt=self._prompts[number]) for number in numbers]
        batch = pb.RouteBatchRequest(requests=requests)
        answer = await stub.RouteBatch(batch, timeout=_TIMEOUT_SECONDS)
        if len({one.response.artifact_version for one in answer.results}) != 1:
            self._seen.wrong += 1
        for number, one in zip(numbers, answer.results, strict=True):
            self._hold(one.response, number)

    async def _review(self, stub: Any, answer: pb.RouteResponse) -> None:
        """Review a decision, which another version than the one in force may have made."""
        given = pb.Answer(
            deployment=answer.deployment, text="42", finish_reason=pb.FINISH_REASON_STOP
        )
        request = pb.ReviewRequest(decision=answer, answers=[given])
        reviewed = await stub.Review(request, timeout=_TIMEOUT_SECONDS)
        if reviewed.artifact_version != answer.artifact_version:
            self._seen.wrong += 1

    def _hold(self, answer: pb.RouteResponse, number: int) -> None:
        version = answer.artifact_version
        self._seen.decisions[version] += 1
        wanted = self._expected.get((version, answer.catalog_version, number))
        if wanted is None:
            self._seen.unknown += 1
        elif any(
            abs(one.adequacy - adequacy) > _CLOSE or abs(one.expected_cost_usd / cost - 1) > 1e-3
            for one, (adequacy, cost) in zip(answer.candidates, wanted, strict=True)
        ):
            self._seen.wrong += 1
