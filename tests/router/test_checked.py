"""Checks shared by all files a user writes: what is refused, by name, and at what cost."""

import pytest

from router.checked import CheckedTable
from router.errors import ConfigError


def table(**content: object) -> CheckedTable:
    return CheckedTable(content, "mine.toml", "", ConfigError)


class Watched(str):
    """A text that counts with how many others it is compared."""

    __slots__ = ()
    __hash__ = str.__hash__
    compared = 0

    def __eq__(self, other: object) -> bool:
        Watched.compared += 1
        return str.__eq__(self, other)


def test_a_value_used_twice_is_refused_by_its_place():
    with pytest.raises(ConfigError, match=r"keys\[2\]\.id = 'a': used twice"):
        table().refuse_repeated("keys", "id", ["a", "b", "a"])


def test_ten_thousand_keys_are_not_each_compared_with_all_others():
    Watched.compared = 0
    table().refuse_repeated("keys", "id", [Watched(number) for number in range(10_000)])
    assert Watched.compared < 100_000


def test_a_whole_number_beyond_every_float_is_refused_like_any_other():
    with pytest.raises(ConfigError, match=r"mine\.toml: grace_seconds = 1000"):
        table(grace_seconds=10**400).number("grace_seconds", least=0.0, most=3600.0)
