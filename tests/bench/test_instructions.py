"""The counted work is that of a decision, and a missing valgrind is told."""

import shutil
from pathlib import Path

import pytest

from bench import instructions
from bench.callgrind import count, find_valgrind
from bench.instructions import counted, main, write_requests
from router.errors import NotReadyError
from router.server.servicer import RouterServicer
from router.v1 import router_pb2 as pb

TWO_STRETCHES = """
from bench.callgrind import mark
def work(n):
    for _ in range(n): pass
work(100_000); mark(); work(2_000); mark(); work(100_000); mark(); work(20_000); mark()
"""


def test_the_counted_work_decides(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    seen: list[str] = []
    route = RouterServicer.route

    def watched(servicer: RouterServicer, request: object) -> object:
        answer = route(servicer, request)  # type: ignore[arg-type]
        seen.append(pb.RouteResponse.FromString(answer).tier)
        return answer

    monkeypatch.setattr(RouterServicer, "route", watched)
    monkeypatch.setattr(instructions, "mark", lambda: seen.append("mark"))
    requests = [pb.RouteRequest(prompt=f"Name {number} fruits.") for number in (2, 3, 4)]
    counted([write_requests(tmp_path / "requests.bin", requests)], calls=5)
    assert (seen[3], seen[9], len(seen)) == ("mark", "mark", 10)
    assert all(seen)


@pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
def test_only_what_lies_between_two_marks_is_counted() -> None:
    few, many = count(["-S", "-c", TWO_STRETCHES])
    assert 5 < many / few < 15
    with pytest.raises(NotReadyError, match="valgrind ended with 2"):
        count(["--no-such-flag"])


def test_without_valgrind_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotReadyError, match="apt install valgrind"):
        find_valgrind()
    assert main(["--out", str(tmp_path / "rows.json")]) == 1
    assert "valgrind is not on PATH" in capsys.readouterr().err
