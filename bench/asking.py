"""Asking a library in the caller's process: one prompt after the other, or many on an event loop.

The prompts are those that a client of our service sends. Who is asked is ``bench.peers``.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from bench.load import Block, Job, make_requests

_EACH_FIRST = 20


def prompts_of(size: int, seed: int) -> list[str]:
    """Return the prompts that a block's client sends, so that everybody is asked the same."""
    job = Job("route", size, 1, 0.0, seed)
    return [request.prompt for request in make_requests(job, seed * 1_000)]


def one_by_one(
    ask: Callable[[str], object], seconds: float, size: int, in_flight: int, seed: int
) -> Block:
    """Ask for so long, each prompt after the answer to the one before."""
    prompts = prompts_of(size, seed)
    for prompt in prompts[:_EACH_FIRST]:
        ask(prompt)
    latencies: list[float] = []
    began = now = time.perf_counter()
    while now - began < seconds:
        before = time.perf_counter()
        ask(prompts[len(latencies) % len(prompts)])
        now = time.perf_counter()
        latencies.append((now - before) * 1e3)
    return Block(tuple(latencies), len(latencies) / (now - began))


def on_a_loop(
    runner: asyncio.Runner,
    ask: Callable[[str], Awaitable[object]],
    settle: Callable[[], Awaitable[None]],
    seconds: float,
    size: int,
    in_flight: int,
    seed: int,
) -> Block:
    """Ask on an event loop for so long, with so many asked at the same time.

    Calls a second count what a call leaves to be done afterwards: ``settle`` waits for it, so that
    it is not done in the time of the next block.
    """
    prompts = prompts_of(size, seed)
    latencies: list[float] = []

    async def keep_asking(place: int, began: float) -> None:
        while (before := time.perf_counter()) - began < seconds:
            await ask(prompts[place % len(prompts)])
            latencies.append((time.perf_counter() - before) * 1e3)
            place += in_flight

    async def everything() -> float:
        for prompt in prompts[:_EACH_FIRST]:
            await ask(prompt)
        await settle()
        began = time.perf_counter()
        await asyncio.gather(*(keep_asking(place, began) for place in range(in_flight)))
        await settle()
        return time.perf_counter() - began

    spent = runner.run(everything())
    return Block(tuple(latencies), len(latencies) / spent)
