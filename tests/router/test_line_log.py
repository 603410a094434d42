"""A log never makes its caller wait, counts what it drops, and heals a torn line."""

import threading
from pathlib import Path

from router.ledger.lines import LineLog


def test_lines_are_in_the_file_in_order_once_it_is_closed(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    for start in (0, 100):  # opened again, it goes on at the end
        log = LineLog(path, str)
        assert all(log.put(number) for number in range(start, start + 100))
        log.close()
    assert path.read_text(encoding="utf-8").split() == [str(n) for n in range(200)]
    assert log.dropped == 0


def test_an_entry_without_room_is_dropped_and_counted_and_nobody_waits(tmp_path: Path):
    gate = threading.Event()

    def slow(entry: int) -> str:
        gate.wait(5.0)
        return str(entry)

    log = LineLog(tmp_path / "log.jsonl", slow, capacity=3)
    taken = [log.put(number) for number in range(20)]
    assert taken.count(False) == log.dropped >= 16
    gate.set()
    log.close()
    written = (tmp_path / "log.jsonl").read_text(encoding="utf-8").split()
    assert written == [str(n) for n, is_in in enumerate(taken) if is_in]


def test_an_entry_that_makes_no_line_is_counted_and_the_next_is_written(tmp_path: Path):
    log = LineLog(tmp_path / "log.jsonl", lambda text: str(int(text)))
    for text in ("1", "two", "3"):
        log.put(text)
    log.close()
    assert (tmp_path / "log.jsonl").read_text(encoding="utf-8") == "1\n3\n"
    assert log.dropped == 1


def test_a_line_torn_by_a_crash_is_cut_off(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    path.write_text('{"a": 1}\n{"a": 2', encoding="utf-8")
    log = LineLog(path, str)
    log.put('{"a": 3}')
    log.close()
    assert path.read_text(encoding="utf-8") == '{"a": 1}\n{"a": 3}\n'
