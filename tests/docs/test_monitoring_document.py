"""docs/monitoring.md lists every metric as the code has it."""

from pathlib import Path

import pytest

from router.metrics.families import FAMILIES, Family

PAGE = Path(__file__).resolve().parents[2] / "docs" / "monitoring.md"
BEGIN, END = "<!-- metrics -->\n", "<!-- end of metrics -->"
HEAD = "| metric | kind | labels | of several workers | what |\n|---|---|---|---|---|\n"
WORDS = {"sum": "sum", "max": "greatest", "min": "least"}


def row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    merge = WORDS[family.merge]
    return f"| `{family.name}` | {family.kind} | {labels} | {merge} | {family.about} |\n"


def test_the_table_of_metrics_is_that_of_the_code(pytestconfig: pytest.Config) -> None:
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    table, _, after = rest.partition(END)
    expected = HEAD + "".join(map(row, FAMILIES))
    if pytestconfig.getoption("update_docs"):
        PAGE.write_text(before + BEGIN + expected + END + after, encoding="utf-8")
    else:
        assert table == expected
