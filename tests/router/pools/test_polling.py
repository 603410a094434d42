"""The poller against real servers: good, slow, broken, gone and back."""

import asyncio
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from metrics_server import VLLM, chunked, metrics_server, page, unused_url

from router.cost.pools.flow import Flow
from router.cost.pools.http import MOST_BYTES, FetchError, fetch
from router.cost.pools.load import Load, PoolState
from router.cost.pools.poll import Loads, Poller
from router.cost.pools.pool import ColdStart, LoadSource, Pool, Throughput

RATE = Throughput(prefill_tokens_per_s=10_000, decode_tokens_per_s=1_000, concurrency=32)


def pool(*urls: str, **changes: object) -> Pool:
    quick = {"interval_s": 0.1, "timeout_s": 0.3, "longest_pause_s": 0.2, "stale_after_s": 0.6}
    made = Pool("ours", max(len(urls), 1), 2, 2.0, RATE, load=LoadSource("vllm", urls, **quick))  # type: ignore[arg-type]
    return replace(made, **changes)  # type: ignore[arg-type]


class Watched:
    """A poller with what it has published."""

    def __init__(self, *pools: Pool) -> None:
        self.published: list[Loads] = []
        self.known: list[bool] = []
        flows = {one.name: Flow(10.0) for one in pools}
        self.poller = Poller(pools, flows, self.published.append, self.known.append)

    def load(self) -> Load:
        return self.published[-1]["ours"]

    def wait_for(self, is_true: Callable[[], bool]) -> None:
        end = time.monotonic() + 20.0
        while not (self.published and is_true()):
            assert time.monotonic() < end, "waited 20 seconds in vain"
            time.sleep(0.005)

    def wait_for_state(self, state: PoolState) -> None:
        self.wait_for(lambda: self.load().state is state)


@contextmanager
def watched(*pools: Pool) -> Iterator[Watched]:
    one = Watched(*pools)
    one.poller.start()
    try:
        yield one
    finally:
        one.poller.close()


def fetched(url: str, timeout_s: float = 5.0) -> bytes:
    return asyncio.run(fetch(url, timeout_s))


def test_a_good_server_is_read_and_known() -> None:
    with metrics_server() as server, watched(pool(server.url)) as watch:
        watch.wait_for_state(PoolState.SERVING)
        load = watch.load()
        assert (load.waiting, load.under_way, load.kv) == (3, 17, 0.25)
        assert (load.slots, load.replicas) == (32, 1)
        watch.wait_for(lambda: len(server.requests) >= 3)
        assert server.requests[0].startswith(b"GET /metrics HTTP/1.1\r\nHost: 127.0.0.1:")
    assert watch.known == [True]
    assert watch.poller.problems == {}


def test_two_replicas_are_added_up_and_one_that_is_gone_takes_its_places_along() -> None:
    with (
        metrics_server() as first,
        metrics_server() as second,
        watched(pool(first.url, second.url)) as watch,
    ):
        watch.wait_for(lambda: watch.load().waiting == 6)
        assert (watch.load().under_way, watch.load().slots) == (34, 64)
        second.close()
        watch.wait_for(lambda: watch.load().slots == 32)
        assert watch.load().waiting == 3
        assert watch.poller.problems == {second.url: "nobody listens there"}


def test_a_server_that_is_gone_is_down_and_is_found_again(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "router.pools")
    url = unused_url()
    with watched(pool(url)) as watch:
        watch.wait_for_state(PoolState.DOWN)
        watch.wait_for(lambda: len(watch.published) > 6)  # several failures, told once
    told = [record.message for record in caplog.records]
    assert told.count(f"pool ours: {url}: nobody listens there") == 1
    assert told.count("pool ours is down") == 1
    assert watch.known == [False]


def test_a_pool_that_is_scaled_to_zero_is_cold_and_not_down() -> None:
    with watched(pool(unused_url(), cold_start=ColdStart(60.0))) as watch:
        watch.wait_for_state(PoolState.COLD)


def test_status_503_means_that_it_drains() -> None:
    busy = page("busy", "503 Service Unavailable")
    with metrics_server(busy) as server, watched(pool(server.url)) as watch:
        watch.wait_for_state(PoolState.DRAINING)
        server.answer = page(VLLM)
        watch.wait_for_state(PoolState.SERVING)
    assert watch.known == [False, True]


def test_a_reading_outlives_a_failure_until_it_is_stale() -> None:
    with metrics_server() as server, watched(pool(server.url)) as watch:
        watch.wait_for_state(PoolState.SERVING)
        at = watch.load().at
        server.answer = page("garbage")
        watch.wait_for_state(PoolState.UNKNOWN)
        last = [one["ours"] for one in watch.published if one["ours"].state is PoolState.SERVING]
        assert last[-1].at >= at
        assert watch.load().at == last[-1].at  # what was read last is still there to widen from
        assert time.monotonic() - last[-1].at >= 0.6
        server.answer = page(VLLM)
        watch.wait_for_state(PoolState.SERVING)


def test_a_slow_server_does_not_hold_up_another() -> None:
    with metrics_server() as slow, metrics_server() as good:
        slow.pause_s, slow.piece = 0.1, 1
        other = replace(pool(good.url), name="other")
        with watched(pool(slow.url), other) as watch:
            watch.wait_for(lambda: watch.published[-1]["other"].state is PoolState.SERVING)
            watch.wait_for(lambda: slow.url in watch.poller.problems)
            watch.wait_for(lambda: "0.3 s" in watch.poller.problems[slow.url])
            assert watch.load().state is PoolState.UNKNOWN


def test_a_server_that_drips_bytes_is_left_after_the_whole_time() -> None:
    with metrics_server() as server:
        server.pause_s, server.piece = 0.05, 1
        with pytest.raises(FetchError) as caught:
            fetched(server.url, 0.3)
    assert caught.value.message == "no whole answer within 0.3 s"


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        (b"", "the answer ended before it was whole"),
        (b"hello\r\n\r\n", "no HTTP answer (it begins with 'hello')"),
        (page(VLLM)[:-5], "the answer ended before it was whole"),
        (page("", "404 Not Found"), "HTTP status 404, not 200"),
        (page("", "302 Found"), "HTTP status 302, not 200"),
        (chunked(VLLM)[:-9], "the answer ended before it was whole"),
        (
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
            "no HTTP answer (invalid literal for int() with base 16: b'xyz\\r\\n')",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
            f"no HTTP answer (99999999999 bytes, at most {MOST_BYTES} are read)",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            f"no HTTP answer (-1 bytes, at most {MOST_BYTES} are read)",
        ),
        (
            b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n\r\nxx",
            "no HTTP answer (it is encoded as 'gzip', which was not asked for)",
        ),
        (b"HTTP/1.1 200 OK\r\nX: " + b"y" * 200_000, "no HTTP answer ("),
    ],
)
def test_what_is_no_page_is_refused_with_its_reason(answer: bytes, message: str) -> None:
    with metrics_server(answer) as server, pytest.raises(FetchError) as caught:
        fetched(server.url)
    assert caught.value.message.startswith(message)


@pytest.mark.parametrize(
    "answer",
    [
        page(VLLM),
        chunked(VLLM),
        b"HTTP/1.0 200 OK\r\n\r\n" + VLLM.encode(),
        b"HTTP/1.1 200 OK\r\ncontent-length:  12\r\n\r\n" + b"x" * 12 + b"more",
    ],
    ids=["length", "chunks", "until the end", "no more than the length"],
)
def test_a_page_comes_in_every_way_http_has(answer: bytes) -> None:
    with metrics_server(answer) as server:
        assert fetched(server.url) in {VLLM.encode(), b"x" * 12}


def test_a_pool_that_drains_by_the_catalog_is_not_asked() -> None:
    with metrics_server() as server:
        draining = pool(server.url, draining=True)
        with watched(replace(pool(server.url), name="other"), draining) as watch:
            watch.wait_for(lambda: len(server.requests) >= 2)
            assert set(watch.published[-1]) == {"other"}


def test_nothing_is_published_after_close() -> None:
    with metrics_server() as server:
        with watched(pool(server.url)) as watch:
            watch.wait_for_state(PoolState.SERVING)
        published = len(watch.published)
        time.sleep(0.3)
        assert len(watch.published) == published
