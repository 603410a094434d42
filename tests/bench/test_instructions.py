"""The counted work is that of a decision, and a missing valgrind is told. Nothing is counted."""

from pathlib import Path

import pytest

from bench.instructions import counted, find_valgrind, main
from router.errors import NotReadyError


def test_the_counted_work_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    decided: list[int] = []
    from router.server.servicer import RouterServicer

    route = RouterServicer.route

    def watched(servicer: RouterServicer, request: object) -> object:
        answer = route(servicer, request)  # type: ignore[arg-type]
        decided.append(len(answer.tier))  # type: ignore[union-attr]
        return answer

    monkeypatch.setattr(RouterServicer, "route", watched)
    counted(tokens=20, calls=3, seed=0)
    assert len(decided) == 23
    assert all(decided)


def test_without_valgrind_the_command_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(NotReadyError, match="apt install valgrind"):
        find_valgrind()
    assert main(["--out", str(tmp_path / "rows.json")]) == 1
    assert "valgrind is not on PATH" in capsys.readouterr().err
