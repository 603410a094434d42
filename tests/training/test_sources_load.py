"""Reading users' outcomes: every file format and both shapes give the same rows."""

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from router.errors import DataError, MissingExtraError
from training.sources.__main__ import main
from training.sources.load import FORMATS, load_rows
from training.sources.rows import Row

LONG = [
    {"prompt": "Name a fruit.", "model": "small", "quality": 1.0, "output_tokens": 3},
    {"prompt": "Name a fruit.", "model": "large", "quality": 1.0, "output_tokens": 4},
    {
        "prompt": "Prove it.\nSlowly, please.",
        "model": "small",
        "quality": 0.25,
        "output_tokens": 80,
    },
    {"prompt": "Prove it.\nSlowly, please.", "model": "large", "quality": 0.5, "output_tokens": 90},
]
WIDE = [
    {
        "prompt": "Name a fruit.",
        "quality:small": 1.0,
        "quality:large": 1.0,
        "output_tokens:small": 3,
        "output_tokens:large": 4,
    },
    {
        "prompt": "Prove it.\nSlowly, please.",
        "quality:small": 0.25,
        "quality:large": 0.5,
        "output_tokens:small": 80,
        "output_tokens:large": 90,
    },
]


def write(path: Path, records: list[dict[str, object]]) -> Path:
    if path.suffix == ".jsonl":
        path.write_text("\n".join(map(json.dumps, records)) + "\n")
    elif path.suffix == ".csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, list(records[0]))
            writer.writeheader()
            writer.writerows(records)
    elif path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pylist(records), path)
    else:
        datasets = pytest.importorskip("datasets")
        datasets.disable_progress_bars()
        datasets.Dataset.from_list(records).save_to_disk(str(path))
    return path


def said(rows: tuple[Row, ...]) -> list[tuple[str, str, float, float | None]]:
    return [(row.text, row.model, row.quality, row.output_tokens) for row in rows]


@pytest.mark.parametrize("name", ["o.jsonl", "o.csv", "o.parquet", "saved_dataset"])
@pytest.mark.parametrize("records", [LONG, WIDE], ids=["long", "wide"])
def test_every_format_and_shape_says_the_same(
    tmp_path: Path, name: str, records: list[dict[str, object]]
) -> None:
    table = load_rows(write(tmp_path / name, records))
    expected = [(r["prompt"], r["model"], r["quality"], r["output_tokens"]) for r in LONG]
    assert said(table.rows) == expected
    assert table.problems == ()


def test_every_split_of_a_saved_dataset_is_read_and_named(tmp_path: Path) -> None:
    datasets = pytest.importorskip("datasets")
    datasets.disable_progress_bars()
    parts = datasets.DatasetDict(
        train=datasets.Dataset.from_list(LONG[:2]), test=datasets.Dataset.from_list(LONG[2:])
    )
    parts.save_to_disk(str(tmp_path / "both"))
    assert [row.where for row in load_rows(tmp_path / "both").rows] == [
        "train row 1",
        "train row 2",
        "test row 1",
        "test row 2",
    ]


def test_a_place_in_a_csv_file_is_the_line_a_row_begins_on(tmp_path: Path) -> None:
    path = write(tmp_path / "o.csv", LONG)
    assert [row.where for row in load_rows(path).rows] == ["line 2", "line 3", "line 4", "line 6"]


def test_columns_can_be_mapped_and_unused_ones_are_named(tmp_path: Path) -> None:
    path = write(
        tmp_path / "o.jsonl",
        [{"question": "Hm?", "llm": "small", "score": 1, "quality": 7, "colour": "red"}],
    )
    table = load_rows(path, column_map={"prompt": "question", "model": "llm", "quality": "score"})
    assert said(table.rows) == [("Hm?", "small", 1.0, None)]
    assert table.ignored_columns == ("colour", "replaced quality")
    assert "columns not used: colour" in table.report()


def test_messages_are_read_as_a_list_or_as_json(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hm?"}]
    listed = write(tmp_path / "o.jsonl", [{"messages": turns, "model": "small", "quality": True}])
    written = write(
        tmp_path / "o.csv",
        [{"messages": json.dumps(turns), "model": "small", "quality": "True", "prompt": ""}],
    )
    first, second = load_rows(listed).rows[0], load_rows(written).rows[0]
    assert first.messages == second.messages
    assert [message.role for message in first.messages] == ["system", "user"]
    assert (first.text, first.quality) == (second.text, second.quality)


def test_an_empty_cell_of_the_wide_shape_is_no_outcome(tmp_path: Path) -> None:
    path = tmp_path / "o.csv"
    path.write_text("prompt,quality:small,quality:large\nHm?,,0.5\n")
    assert said(load_rows(path).rows) == [("Hm?", "large", 0.5, None)]


def test_a_row_said_twice_counts_once_and_is_reported(tmp_path: Path) -> None:
    table = load_rows(write(tmp_path / "o.jsonl", [*LONG, LONG[0]]))
    assert len(table.rows) == 4
    assert table.repeated_rows == 1
    assert "1 rows repeat" in table.report()


@pytest.mark.parametrize(
    ("source", "options", "message"),
    [
        ("absent.jsonl", {}, "no such file or directory"),
        ("notes.txt", {}, "the format cannot be told from the name"),
        ("notes.txt", {"format": "xlsx"}, "format 'xlsx' is not known; allowed are jsonl"),
        ("good.jsonl", {"on_bad": "ignore"}, "allowed are 'stop' and 'skip'"),
        ("good.jsonl", {"column_map": {"quality": "grade"}}, "column_map names grade"),
        ("empty.jsonl", {}, "no records in it"),
        ("empty.csv", {}, "the first line must name every column once"),
        ("noise.parquet", {}, "cannot be read"),
        ("latin.csv", {}, "cannot be read"),
        ("other.jsonl", {}, r"no column prompt \(or messages\), model, quality; found a"),
        ("noise.parquet", {"format": "datasets"}, "the datasets library cannot load it"),
    ],
)
def test_a_source_that_cannot_be_read_is_refused_with_the_way_out(
    tmp_path: Path, source: str, options: dict[str, object], message: str
) -> None:
    (tmp_path / "notes.txt").write_text("hello")
    (tmp_path / "empty.jsonl").write_text("\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "latin.csv").write_bytes(b"prompt,model,quality\n\xe9t\xe9,small,1\n")
    (tmp_path / "noise.parquet").write_bytes(b"noise")
    write(tmp_path / "good.jsonl", LONG)
    write(tmp_path / "other.jsonl", [{"a": 1}])
    with pytest.raises(DataError, match=message):
        load_rows(tmp_path / source, **options)  # type: ignore[arg-type]


def test_without_the_datasets_library_the_error_names_the_extra(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(MissingExtraError, match="train"):
        load_rows("datasets:owner/name")


def test_the_command_line_reports_what_it_read_and_refuses_what_it_cannot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    good = write(tmp_path / "o.jsonl", LONG)
    assert main(["check", str(good)]) == 0
    assert "4 outcomes, 2 prompts, models small, large" in capsys.readouterr().out
    renamed = write(
        tmp_path / "r.jsonl", [{"prompt": "Hm?", "model": "small", "score": 1, "extra": 1}]
    )
    assert main(["check", str(renamed), "--map", "quality=score"]) == 0
    assert main(["check", str(tmp_path / "absent.csv")]) == 1
    assert "no such file" in capsys.readouterr().err
    assert set(FORMATS) >= {"jsonl", "csv", "parquet", "datasets", "routellm", "sprout"}
