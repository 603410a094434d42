"""``results.json`` gives back what was written and refuses what it does not know."""

import dataclasses
import json
import typing
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from eval.results import SCHEMA_VERSION, Results
from eval.results_file import read_results, write_results
from router.errors import DataError

SCHEMA_DOC = Path(__file__).resolve().parents[2] / "docs" / "results-schema.md"


@pytest.fixture(scope="module")
def content(results: Results, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("results") / "results.json"
    write_results(results, path)
    parsed: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return parsed


def test_reading_and_writing_again_changes_nothing(results: Results, tmp_path: Path) -> None:
    first, second = tmp_path / "first.json", tmp_path / "second.json"
    write_results(results, first)
    write_results(read_results(first), second)
    assert first.read_bytes() == second.read_bytes()
    assert read_results(first).provenance == results.provenance


def test_an_undefined_number_is_null_in_the_file(content: dict[str, Any]) -> None:
    single = next(one for one in content["routers"] if one["name"] == "best_single_tier")
    assert single["aiq"] == {"value": None, "low": None, "high": None}


def drop_tier_name(content: dict[str, Any]) -> None:
    del content["tiers"][1]["name"]


def add_field(content: dict[str, Any]) -> None:
    content["provenance"]["colour"] = "blue"


def word_for_number(content: dict[str, Any]) -> None:
    content["routers"][0]["aiq"]["low"] = "low"


def number_for_word(content: dict[str, Any]) -> None:
    content["routers"][2]["name"] = 3


def truth_for_number(content: dict[str, Any]) -> None:
    content["provenance"]["seed"] = True


def object_for_list(content: dict[str, Any]) -> None:
    content["differences"] = {}


def list_for_object(content: dict[str, Any]) -> None:
    content["pair"] = [1, 2]


def next_version(content: dict[str, Any]) -> None:
    content["schema_version"] = SCHEMA_VERSION + 1


def no_version(content: dict[str, Any]) -> None:
    del content["schema_version"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (drop_tier_name, r"tiers\[1\]\.name: missing"),
        (add_field, r"provenance\.colour: unknown field; known: command"),
        (word_for_number, r'routers\[0\]\.aiq\.low: expected a number or null, given "low"'),
        (number_for_word, r"routers\[2\]\.name: expected str, given 3"),
        (truth_for_number, r"provenance\.seed: expected int, given true"),
        (object_for_list, r"differences: expected a list, given \{\}"),
        (list_for_object, r"pair: expected an object, given \[1, 2\]"),
        (next_version, rf"schema_version {SCHEMA_VERSION + 1}; this release reads"),
        (no_version, "schema_version is missing"),
    ],
)
def test_a_changed_file_is_refused_with_the_path_of_the_field(
    content: dict[str, Any],
    change: Callable[[dict[str, Any]], None],
    message: str,
    tmp_path: Path,
) -> None:
    altered = json.loads(json.dumps(content))
    change(altered)
    path = tmp_path / "results.json"
    path.write_text(json.dumps(altered), encoding="utf-8")
    with pytest.raises(DataError, match=message) as caught:
        read_results(path)
    assert str(path) in caught.value.message


def test_a_missing_or_broken_file_is_refused_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="make eval"):
        read_results(tmp_path / "nothing.json")
    (tmp_path / "broken.json").write_text('{"schema_version": 1,\n oops', encoding="utf-8")
    with pytest.raises(DataError, match="line 2"):
        read_results(tmp_path / "broken.json")


def test_every_field_of_the_schema_is_documented() -> None:
    text = SCHEMA_DOC.read_text(encoding="utf-8")
    missing = [
        f"{record.__name__}.{field.name}"
        for record in _records(Results)
        for field in dataclasses.fields(record)
        if f"`{field.name}`" not in text
    ]
    assert missing == []
    assert f"version {SCHEMA_VERSION}" in text


def _records(record: Any) -> list[Any]:
    found = [record]
    for hint in typing.get_type_hints(record).values():
        kind = hint.__args__[0] if typing.get_origin(hint) is tuple else hint
        if dataclasses.is_dataclass(kind):
            found += _records(kind)
    return found
