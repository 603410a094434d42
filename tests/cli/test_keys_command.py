"""``keys new`` and ``keys list``: the key is shown once, its hash is what the file holds."""

import datetime as dt
import stat
from pathlib import Path

import pytest

from router.access.keys import id_of, is_key_of
from router.access.keys_file import CallerLimits, read_keys
from router.cli.main import main


def test_a_new_key_is_printed_once_and_its_hash_is_added_to_a_private_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.toml"
    flags = ["keys", "new", "--file", str(file)]
    assert main([*flags, "--name", 'The "first" team 🙂', "--scopes", "route,record"]) == 0
    first = capsys.readouterr().out.strip()
    assert main([*flags, "--name", "ops", "--scopes", "admin", "--expires", "2027-06-30"]) == 0
    second = capsys.readouterr().out.strip()
    one, two = read_keys(file, CallerLimits())
    assert (one.id, one.name, one.scopes) == (
        id_of(first), 'The "first" team 🙂', {"route", "record"},
    )  # fmt: skip
    assert is_key_of(first, one.sha256)
    assert is_key_of(second, two.sha256)
    assert two.expires_at == dt.datetime(2027, 7, 1, tzinfo=dt.UTC).timestamp()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    text = file.read_text(encoding="utf-8")
    assert first not in text
    assert second not in text


def test_the_list_names_keys_and_says_which_are_over(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "keys.toml"
    flags = ["keys", "new", "--file", str(file), "--scopes", "route"]
    main([*flags, "--name", "old", "--expires", "2020-02-29"])
    main([*flags, "--name", "new"])
    secrets = capsys.readouterr().out.split()
    assert main(["keys", "list", "--file", str(file)]) == 0
    shown = capsys.readouterr().out
    assert "2020-02-29 (over)" in shown
    assert all(id_of(secret) in shown for secret in secrets)
    assert not any(secret in shown for secret in secrets)


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--name", "a", "--scopes", "route,all"], "['all'] unknown"),
        (["--name", " ", "--scopes", "route"], "must be printable text, not blank"),
        (["--name", "a\nb", "--scopes", "route"], "must be printable text, not blank"),
    ],
)
def test_a_key_that_cannot_be_made_is_refused_and_nothing_is_written(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flags: list[str], message: str
) -> None:
    file = tmp_path / "keys.toml"
    assert main(["keys", "new", "--file", str(file), *flags]) == 1
    assert message in capsys.readouterr().err
    assert not file.exists()
