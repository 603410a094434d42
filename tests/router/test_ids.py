"""Ids of decisions never come twice, whoever draws them."""

import os
import threading

import pytest

from router.ids import new_id


def test_an_id_is_128_bits_in_hexadecimal() -> None:
    assert len(bytes.fromhex(new_id())) == 16


def test_threads_never_draw_the_same_id() -> None:
    drawn: list[list[str]] = [[] for _ in range(4)]

    def draw(into: list[str]) -> None:
        into.extend(new_id() for _ in range(2_000))

    threads = [threading.Thread(target=draw, args=(one,)) for one in drawn]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({one for some in drawn for one in some}) == 8_000


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there are no forks here")
def test_a_forked_process_draws_other_ids() -> None:
    new_id()  # some that are drawn already lie there
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        os.write(writing, "".join(new_id() for _ in range(64)).encode())
        os._exit(0)
    os.waitpid(child, 0)
    others = os.read(reading, 64 * 32).decode()
    os.close(reading)
    os.close(writing)
    theirs = {others[at : at + 32] for at in range(0, len(others), 32)}
    assert len(theirs) == 64
    assert theirs.isdisjoint(new_id() for _ in range(128))
