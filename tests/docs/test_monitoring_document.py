"""docs/monitoring.md lists every metric as the code has it, for Prometheus and OpenTelemetry."""

from pathlib import Path

import pytest

from router.metrics.families import FAMILIES, Family
from router.metrics.otlp_names import named

PAGE = Path(__file__).resolve().parents[2] / "docs" / "monitoring.md"
HEAD = "| metric | kind | labels | of several workers | what |\n|---|---|---|---|---|\n"
OTLP_HEAD = "| Prometheus | OpenTelemetry | unit | attributes |\n|---|---|---|---|\n"
WORDS = {"sum": "sum", "max": "greatest", "min": "least"}


def row(family: Family) -> str:
    labels = ", ".join(f"`{label}`" for label in family.labels)
    merge = WORDS[family.merge]
    return f"| `{family.name}` | {family.kind} | {labels} | {merge} | {family.about} |\n"


def otlp_row(family: Family) -> str:
    called = named(family)
    attributes = ", ".join(f"`{attribute}`" for attribute in called.attributes)
    return f"| `{family.name}` | `{called.name}` | `{called.unit}` | {attributes} |\n"


@pytest.mark.parametrize(
    ("of", "expected"),
    [
        ("metrics", HEAD + "".join(map(row, FAMILIES))),
        ("OTLP metrics", OTLP_HEAD + "".join(map(otlp_row, FAMILIES))),
    ],
)
def test_a_table_of_metrics_is_that_of_the_code(
    pytestconfig: pytest.Config, of: str, expected: str
) -> None:
    begin, end = f"<!-- {of} -->\n", f"<!-- end of {of} -->"
    text = PAGE.read_text(encoding="utf-8")
    before, _, rest = text.partition(begin)
    table, _, after = rest.partition(end)
    if pytestconfig.getoption("update_docs"):
        PAGE.write_text(before + begin + expected + end + after, encoding="utf-8")
    else:
        assert table == expected
