"""``router simulate`` and ``router break-even``: handed on in a checkout, explained elsewhere."""

from pathlib import Path

import pytest

from router.cli.main import main


@pytest.mark.parametrize("command", ["simulate", "break-even"])
def test_in_a_checkout_all_flags_are_handed_on(
    command: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    missing = tmp_path / "gone.jsonl"
    assert main([command, "--seed", "3", str(missing)]) == 1
    assert f"{missing}: no such log" in capfd.readouterr().err


def test_without_a_checkout_the_error_says_where_the_command_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("router.cli.planning.find_spec", lambda name: None)
    assert main(["simulate", "log.jsonl"]) == 1
    assert "make simulate LOG=FILE" in capsys.readouterr().err
