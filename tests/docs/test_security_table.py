"""Every control of the threat model names a test that exists and does not skip by itself."""

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "security.md"
ROW = re.compile(r"^\| ([\w ]+) \| (.+) \| `(tests/[\w/]+\.py)::(test_\w+)` \|$", re.MULTILINE)
CONTROLS = ROW.findall(PAGE.read_text(encoding="utf-8"))


def test_the_table_of_controls_is_complete_in_every_row() -> None:
    text = PAGE.read_text(encoding="utf-8")
    table = text.partition("## Controls")[2].partition("\n\n`tests/docs")[0]
    rows = [line for line in table.splitlines() if line.startswith("|")]
    assert len(CONTROLS) == len(rows) - 2 >= 30
    assert {number for against, *_ in CONTROLS for number in against.split()} >= set("12345")


@pytest.mark.parametrize("control", CONTROLS, ids=lambda control: control[3])
def test_a_control_is_proved_by_a_test_that_exists(control: tuple[str, str, str, str]) -> None:
    _, _, file, name = control
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    (found,) = [
        node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == name
    ]
    marks = [ast.unparse(one) for one in found.decorator_list]
    assert not any("skip" in mark or "xfail" in mark for mark in marks)
    assert any(isinstance(node, ast.Assert | ast.With | ast.Call) for node in ast.walk(found))
