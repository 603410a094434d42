"""A log never makes its caller wait, counts what it drops, and heals a torn line."""

import os
import threading
from pathlib import Path

import pytest
import waiting

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


@pytest.mark.parametrize("length", [0, 1, 65_535, 65_536, 65_537, 200_000])
def test_a_torn_line_of_any_length_is_cut_off_and_no_whole_one(tmp_path: Path, length: int):
    for before in ("", "1\n", "2" * 70_000 + "\n"):
        path = tmp_path / "log.jsonl"
        path.write_text(before + "x" * length, encoding="utf-8")
        LineLog(path, str).close()
        assert path.read_text(encoding="utf-8") == before


def test_a_log_larger_than_memory_is_opened_by_its_end(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    with path.open("wb") as file:
        file.seek(1 << 34)  # no byte of the hole is stored
        file.write(b"\nwhole\ntorn")
    try:
        LineLog(path, str).close()
        assert path.stat().st_size == (1 << 34) + len(b"\nwhole\n")
    finally:
        path.unlink()


def test_a_log_that_is_moved_away_goes_on_in_a_new_file_and_loses_no_line(tmp_path: Path):
    path = tmp_path / "log.jsonl"
    log = LineLog(path, str)
    for part in range(4):
        assert all(log.put(part * 100 + number) for number in range(100))
        waiting.wait_until(lambda: path.exists() and path.read_text().count("\n") == 100)
        if part == 0:
            path.rename(tmp_path / "log.jsonl.1")
        elif part == 1:
            path.rename(tmp_path / "log.jsonl.2")
            path.touch()  # as logrotate's "create" does
        elif part == 2:
            (tmp_path / "log.jsonl.3").write_text(path.read_text())
            os.truncate(path, 0)  # as "copytruncate" does
    log.close()
    files = [tmp_path / "log.jsonl.1", tmp_path / "log.jsonl.2", tmp_path / "log.jsonl.3", path]
    found = [[int(line) for line in file.read_text().splitlines()] for file in files]
    assert found == [list(range(part * 100, part * 100 + 100)) for part in range(4)]
    assert log.dropped == 0


def test_a_log_whose_directory_is_gone_counts_what_it_drops_and_goes_on_when_it_is_back(
    tmp_path: Path,
):
    (directory := tmp_path / "logs").mkdir()
    log = LineLog(directory / "log.jsonl", str)
    directory.rename(tmp_path / "away")
    log.put(1)
    waiting.wait_until(lambda: log.dropped == 1)
    directory.mkdir()
    log.put(2)
    log.close()
    assert (directory / "log.jsonl").read_text() == "2\n"
