"""Clients that are slow to ask or to read keep nobody from the metrics."""

import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from urllib.request import urlopen

import pytest
import waiting

from router.metrics import endpoint as module
from router.metrics.endpoint import MOST_CONNECTIONS, MetricsEndpoint

TEXT = "told\n" * 1_000_000  # more than the system buffers for a client that does not read


@pytest.fixture
def endpoint() -> Iterator[MetricsEndpoint]:
    with MetricsEndpoint("127.0.0.1:0", lambda: TEXT, lambda: True) as running:
        yield running


def asked(endpoint: MetricsEndpoint) -> str:
    with urlopen(f"http://127.0.0.1:{endpoint.port}/metrics", timeout=30) as answer:
        return str(answer.read().decode())


def threads_at_work() -> int:
    return sum("process_request_thread" in thread.name for thread in threading.enumerate())


@pytest.mark.parametrize("sent", [b"", b"GET /met", b"GET /metrics HTTP/1.1\r\nX-A: b\r\n"])
def test_clients_that_do_not_finish_asking_make_room_for_one_that_does(
    endpoint: MetricsEndpoint, sent: bytes
) -> None:
    with ExitStack() as stack:
        for _ in range(3 * MOST_CONNECTIONS):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", endpoint.port)))
            slow.sendall(sent)
        assert asked(endpoint) == TEXT
        assert threads_at_work() <= MOST_CONNECTIONS
    waiting.wait_until(lambda: threads_at_work() == 0)


def test_clients_that_do_not_read_the_answer_make_room_for_one_that_does(
    endpoint: MetricsEndpoint,
) -> None:
    with ExitStack() as stack:
        for _ in range(MOST_CONNECTIONS + 2):
            slow = stack.enter_context(socket.create_connection(("127.0.0.1", endpoint.port)))
            slow.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
        assert asked(endpoint) == TEXT
        waiting.wait_until(lambda: threads_at_work() == 0)


def test_a_client_that_sends_a_byte_now_and_then_is_dropped(
    endpoint: MetricsEndpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_SECONDS", 0.5)
    with socket.create_connection(("127.0.0.1", endpoint.port)) as slow:
        slow.sendall(b"GET /metrics HTTP/1.1\r\nX-Slow: ")

        def is_dropped() -> bool:
            try:
                slow.sendall(b"a")
                slow.settimeout(0.05)
                return slow.recv(1) == b""
            except TimeoutError:
                return False
            except OSError:
                return True

        waiting.wait_until(is_dropped)


def test_metrics_that_hang_are_asked_for_by_no_more_clients_than_there_are_places() -> None:
    let_go = threading.Event()

    def hanging() -> str:
        let_go.wait(60)
        return "late\n"

    with ExitStack() as stack, MetricsEndpoint("127.0.0.1:0", hanging, lambda: True) as endpoint:
        clients = []
        for _ in range(MOST_CONNECTIONS + 1):
            client = stack.enter_context(socket.create_connection(("127.0.0.1", endpoint.port)))
            client.sendall(b"GET /metrics HTTP/1.1\r\n\r\n")
            clients.append(client)
        clients[-1].settimeout(20)
        assert clients[-1].recv(1) == b"", "turned away"
        assert threads_at_work() == MOST_CONNECTIONS
        let_go.set()
        waiting.wait_until(lambda: threads_at_work() == 0)
