"""Peers are asked what our service is asked, and told apart rightly; no time is judged here."""

import asyncio
from functools import partial

from bench.asking import on_a_loop, one_by_one, prompts_of
from bench.load import Block, Job, make_requests
from bench.peers import IN_FLIGHT, Contender, measure, rows_of, table_of


def _even(each_ms: float, size: int, in_flight: int, seed: int) -> Block:
    return Block((each_ms,) * 10, in_flight * 1_000 / each_ms)


OURS = Contender("ours", "a server", partial(_even, 2.0), IN_FLIGHT)
LIBRARY = Contender("library", "in the caller's process", partial(_even, 5.0))


def test_everybody_is_asked_the_prompts_that_the_client_of_our_service_sends() -> None:
    sent = make_requests(Job("route", 20, 1, 1.0, 7), 7_000)
    asked: list[str] = []
    one_by_one(asked.append, 0.02, 20, 1, 7)
    assert asked[:20] == [request.prompt for request in sent[:20]] == prompts_of(20, 7)[:20]
    assert prompts_of(20, 8)[:20] != asked[:20]


def test_as_many_as_asked_for_are_under_way_at_once_on_a_loop() -> None:
    under_way, most, asked = 0, 0, set()

    async def ask(prompt: str) -> None:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        asked.add(prompt)
        await asyncio.sleep(0.001)
        under_way -= 1

    async def settle() -> None:
        assert under_way == 0
        settled.append(len(asked))

    settled: list[int] = []
    with asyncio.Runner() as runner:
        block = on_a_loop(runner, ask, settle, 0.1, 20, 4, 0)
    assert len(settled) == 2  # before the block and after it
    assert most == 4
    assert len(block.latencies_ms) > 4
    assert asked <= set(prompts_of(20, 0))


def test_a_ratio_is_taken_against_our_service_and_a_library_has_no_crowd() -> None:
    measured = measure([OURS, LIBRARY], 20, rounds=2, seed=0)
    value = {row.name: row.value for row in rows_of(measured, 20)}
    assert value["library, 20 tokens: median / our Route"] == 2.5
    assert value[f"ours, 20 tokens: {IN_FLIGHT} in flight"] == IN_FLIGHT * 500
    assert not any("library" in name and f"{IN_FLIGHT} in flight" in name for name in value)
    ours, library = table_of(measured, 20).splitlines()[2:]
    assert ours == "| ours | a server | 2.00 | 2.00 | 500 | 8,000 | 1.00 |"
    assert library == "| library | in the caller's process | 5.00 | 5.00 | 200 |  | 2.50 |"
