"""What is wrong with a row is said with its place, and nothing is dropped in silence."""

import json
import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import DataError
from training.sources.check import check_records
from training.sources.load import load_rows
from training.sources.rows import LISTED_PROBLEMS, RawRecord, RawTable

GOOD = {"prompt": "Name a fruit.", "model": "small", "quality": 1}
TURN = {"role": "user", "content": "Hm?"}


def bad(tmp_path: Path, *records: object) -> tuple[str, ...]:
    lines = [r if isinstance(r, str) else json.dumps(r) for r in (GOOD, *records)]
    path = tmp_path / "o.jsonl"
    path.write_text("\n".join(lines))
    with pytest.raises(DataError) as caught:
        load_rows(path)
    return caught.value.problems


@pytest.mark.parametrize(
    ("record", "problem"),
    [
        ('{"prompt": "cut o', "line 2: not JSON"),
        ('["a", "list"]', "line 2: expected a JSON object, found list"),
        ({"prompt": "  ", "model": "m", "quality": 1}, "line 2: prompt is empty"),
        ({"prompt": None, "model": "m", "quality": 1}, "line 2: prompt is empty"),
        ({"prompt": 7, "model": "m", "quality": 1}, "line 2: prompt must be text, found int"),
        ({"prompt": "Hm?", "quality": 1}, "line 2: model is missing"),
        ({"prompt": "Hm?", "model": "", "quality": 1}, "line 2: model is missing"),
        ({"prompt": "Hm?", "model": ["m"], "quality": 1}, "line 2: model must be text, found list"),
        ({"prompt": "Hm?", "model": "m"}, "line 2: quality is missing or not a number"),
        ({"prompt": "Hm?", "model": "m", "quality": "good"}, "line 2: quality is not a number"),
        ({"prompt": "Hm?", "model": "m", "quality": "0.5"}, "line 2: quality is not a number"),
        ('{"prompt": "Hm?", "model": "m", "quality": NaN}', "line 2: quality is missing or not"),
        ('{"prompt": "Hm?", "model": "m", "quality": Infinity}', "line 2: quality is not a number"),
        ({"prompt": "Hm?", "model": "m", "quality": 1.2}, r"quality is 1.2, outside \[0, 1\]"),
        ({"prompt": "Hm?", "model": "m", "quality": -1}, r"quality is -1, outside \[0, 1\]"),
        ({**GOOD, "prompt": "Hm?", "output_tokens": -3}, "output_tokens is -3"),
        ({**GOOD, "prompt": "Hm?", "input_tokens": "many"}, "input_tokens is not a number"),
        ({**GOOD, "prompt": "Hm?", "input_tokens": True}, "input_tokens is True"),
        ({**GOOD, "quality": 0}, "line 2: small has quality 0 here and 1 at line 1"),
        ({**GOOD, "model": "large", "task": "sums"}, "the same prompt has another task at line 1"),
        ({**GOOD, "messages": [TURN]}, "give prompt or messages, not both"),
        ({"messages": "[{", "model": "m", "quality": 1}, "messages is not JSON"),
        ({"messages": [], "model": "m", "quality": 1}, "messages must be a list"),
        ({"messages": ["Hm?"], "model": "m", "quality": 1}, "each message needs a role"),
        (
            {"messages": [{"role": "boss", "content": "x"}], "model": "m", "quality": 1},
            "each message needs a role of system",
        ),
        (
            {"messages": [{"role": "user", "content": " "}], "model": "m", "quality": 1},
            "prompt is empty",
        ),
    ],
)
def test_a_bad_row_is_named_with_its_line_and_its_fault(
    tmp_path: Path, record: object, problem: str
) -> None:
    problems = bad(tmp_path, record)
    assert len(problems) == 1
    assert re.search(problem, problems[0]), problems


@pytest.mark.parametrize(
    ("lines", "problem"),
    [
        ("prompt,model,quality\nHm?,m\n", "line 2: 2 cells, the header has 3"),
        ('prompt,model,quality\n"Hm?"x,m,1\n', "line 2: not CSV"),
        ("prompt,model,quality\nHm?,m,high\n", "line 2: quality is not a number"),
        ("prompt,quality:a,output_tokens:b\nHm?,1,5\n", "line 2: output_tokens:b has a value"),
        ("prompt,quality:a,quality:b\nHm?,,\n", "line 2: no quality for any model"),
        ("prompt,quality:a,quality:b\nHm?,1,2\n", "line 2: quality:b is 2, outside"),
    ],
)
def test_bad_lines_of_csv_and_of_the_wide_shape_are_named(
    tmp_path: Path, lines: str, problem: str
) -> None:
    path = tmp_path / "o.csv"
    path.write_text(lines)
    with pytest.raises(DataError, match="1 bad rows") as caught:
        load_rows(path)
    assert caught.value.problems[0].startswith(problem)


def test_the_message_lists_the_first_problems_and_counts_the_rest(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text("\n".join(["no json"] * 30))
    with pytest.raises(DataError) as caught:
        load_rows(path)
    assert len(caught.value.problems) == 30
    assert str(caught.value).count("not JSON") == LISTED_PROBLEMS
    assert "30 bad rows" in str(caught.value)
    assert "and 10 more" in str(caught.value)


def test_told_to_skip_bad_rows_are_left_out_and_reported(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text(f"{json.dumps(GOOD)}\nno json\n")
    table = load_rows(path, on_bad="skip")
    assert len(table.rows) == 1
    assert table.problems[0].startswith("line 2: not JSON")
    assert "left out, 1 bad rows" in table.report()


def test_when_no_good_row_is_left_skipping_is_refused_too(tmp_path: Path) -> None:
    path = tmp_path / "o.jsonl"
    path.write_text("no json\n")
    with pytest.raises(DataError, match="no good row is left"):
        load_rows(path, on_bad="skip")


cells = st.none() | st.booleans() | st.integers(-2, 2) | st.floats() | st.text(max_size=3)
records = st.dictionaries(
    st.sampled_from(["prompt", "messages", "model", "quality", "task", "input_tokens", "other"]),
    cells | st.lists(cells, max_size=2),
)


@settings(deadline=None, max_examples=150)
@given(st.lists(records, max_size=6))
def test_every_record_becomes_a_row_a_repetition_or_a_problem(
    values: list[dict[str, object]],
) -> None:
    head = RawRecord("first", {"prompt": "Hm?", "model": "m", "quality": 1})
    raw = RawTable([head, *(RawRecord(f"row {i}", v) for i, v in enumerate(values))])
    table, problems = check_records(raw, "made up")
    assert len(table.rows) + table.repeated_rows + len(problems) == len(values) + 1
    assert all(0 <= row.quality <= 1 for row in table.rows)
