"""Figures reach their place in a document with the command that gave them, and no other place."""

import argparse
import re
from pathlib import Path

import pytest

from bench.document import add_flag, write_section
from router.errors import DataError

TEXT = "Before.\n<!-- speed -->\nold\n<!-- end of speed -->\nAfter.\n"


def test_only_the_named_part_is_written_anew(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(TEXT, encoding="utf-8")
    parser = argparse.ArgumentParser()
    add_flag(parser)
    for given in (["--a", "1", "--document", str(page)], ["--a", "1", f"--document={page}"]):
        document = parser.parse_args(given[2:]).document
        write_section(document, "speed", "bench.x", given, 7, "| new |")
        written = page.read_text(encoding="utf-8")
        assert re.fullmatch(
            r"Before\.\n<!-- speed -->\n`python -m bench\.x --a 1`, seed 7, \d{4}-\d\d-\d\d, "
            r"\d+ cores, kernel (compiled|numpy), load average [\d.]+ at the end\.\n\n\| new \|\n"
            r"<!-- end of speed -->\nAfter\.\n",
            written,
        )


def test_a_document_without_the_part_is_left_as_it_is_and_told(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(TEXT, encoding="utf-8")
    with pytest.raises(DataError, match="has no <!-- size --> with <!-- end of size --> after it"):
        write_section(page, "size", "bench.x", [], 0, "new")
    assert page.read_text(encoding="utf-8") == TEXT
    write_section(None, "size", "bench.x", [], 0, "new")


def test_the_page_of_benchmarks_has_every_part_that_commands_write() -> None:
    from bench.growth.axes import AXES

    page = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"
    text = page.read_text(encoding="utf-8")
    for name in (
        "service",
        "native",
        "native-workers",
        "peers",
        "encoders",
        *(f"growth of {axis.name}" for axis in AXES),
    ):
        assert text.count(f"<!-- {name} -->\n") == text.count(f"<!-- end of {name} -->\n") == 1
