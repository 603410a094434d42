"""Latency and throughput of the service beside the echo, in alternating blocks of one run.

Blocks alternate so that whatever else the machine does meets both alike; a ratio is the median of
the ratios of neighbouring blocks.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median, quantiles

from bench.load import Block, Clients, Job, Method
from bench.report import Row

SIZES = (20, 100, 500)
IN_FLIGHT = 32
BATCH = 256
LATENCY_RATIO_AT_MOST = 1.25
P99_RATIO_AT_MOST = 2.0
THROUGHPUT_RATIO_AT_LEAST = 0.75
BATCH_PROMPTS_AT_LEAST = 15_000.0
BATCHES_IN_FLIGHT = (1, 2)
"""With one, the caller's own work between two batches counts as well."""


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured. ``sizes`` are prompt lengths in tokens."""

    seconds: float
    rounds: int
    seed: int
    sizes: Sequence[int] = SIZES


def call_rows(clients: Clients, plan: Plan, *, with_batch: bool = True) -> list[Row]:
    """Measure everything that is a call."""
    rows = [*latency_rows(clients, plan), *throughput_rows(clients, plan)]
    if with_batch:
        rows += [_batch_row(clients, plan, in_flight) for in_flight in BATCHES_IN_FLIGHT]
    return rows


def _batch_row(clients: Clients, plan: Plan, in_flight: int) -> Row:
    seconds = max(plan.seconds, 0.5)
    blocks = [
        clients.run(Job("batch", 20, in_flight, seconds, plan.seed + 90 + i, BATCH))
        for i in range(plan.rounds)
    ]
    speed = median(block.calls_per_second for block in blocks) * BATCH
    name = f"RouteBatch of {BATCH} prompts of 20 tokens, {in_flight} in flight"
    return Row(name, speed, "prompts/s", at_least=BATCH_PROMPTS_AT_LEAST)


def latency_rows(clients: Clients, plan: Plan) -> list[Row]:
    """Return median, 99th percentile and ratio to the echo with one call in flight."""
    blocks = _alternate(clients, plan, in_flight=1)
    rows = [*_latency("echo, 1 in flight", blocks[0])]
    for size in plan.sizes:
        name = f"Route {size} tokens, 1 in flight"
        ratios = [
            median(route.latencies_ms) / median(echo.latencies_ms)
            for route, echo in zip(blocks[size], blocks[0], strict=True)
        ]
        rows += _latency(name, blocks[size])
        last = _last(blocks[size]) / _last(blocks[0])
        rows += [
            Row(f"{name}: median / echo", median(ratios), "x", at_most=LATENCY_RATIO_AT_MOST),
            Row(f"{name}: p99 / echo", last, "x", at_most=P99_RATIO_AT_MOST),
        ]
    return rows


def throughput_rows(clients: Clients, plan: Plan) -> list[Row]:
    """Return calls a second and the ratio to the echo with many calls in flight."""
    blocks = _alternate(clients, plan, in_flight=IN_FLIGHT)
    speed = {size: median(block.calls_per_second for block in blocks[size]) for size in blocks}
    rows = [Row(f"echo, {IN_FLIGHT} in flight", speed[0], "calls/s")]
    for size in plan.sizes:
        name = f"Route {size} tokens, {IN_FLIGHT} in flight"
        ratios = [
            route.calls_per_second / echo.calls_per_second
            for route, echo in zip(blocks[size], blocks[0], strict=True)
        ]
        rows += [
            Row(name, speed[size], "calls/s"),
            Row(f"{name}: / echo", median(ratios), "x", at_least=THROUGHPUT_RATIO_AT_LEAST),
        ]
    return rows


def _alternate(clients: Clients, plan: Plan, *, in_flight: int) -> dict[int, list[Block]]:
    """Return the blocks of each prompt size; the echo stands under 0."""
    blocks: dict[int, list[Block]] = defaultdict(list)
    for number, (method, size) in enumerate(_order(plan)):
        job = Job(method, size, in_flight, plan.seconds, plan.seed + number)
        blocks[size].append(clients.run(job))
        print(".", end="", file=sys.stderr, flush=True)
    print(f" {in_flight} in flight", file=sys.stderr)
    return blocks


def _order(plan: Plan) -> Iterator[tuple[Method, int]]:
    for _ in range(plan.rounds):
        yield "echo", 0
        for size in plan.sizes:
            yield "route", size


def _latency(name: str, blocks: Sequence[Block]) -> list[Row]:
    every = [latency for block in blocks for latency in block.latencies_ms]
    return [
        Row(f"{name}: median", median(every), "ms"),
        Row(f"{name}: p99", _last(blocks), "ms"),
    ]


def _last(blocks: Sequence[Block]) -> float:
    """Return the 99th percentile of all calls, in milliseconds."""
    every = [latency for block in blocks for latency in block.latencies_ms]
    return quantiles(every, n=100)[-1] if len(every) > 1 else every[0]
