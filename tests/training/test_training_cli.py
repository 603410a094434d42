"""``python -m training``: arguments, what is printed, and how errors read."""

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from synthetic import ENCODER, user_records, write_jsonl

from training.__main__ import main
from training.data import read_training_data
from training.settings import Settings
from training.tracking import start_run


@pytest.fixture
def store(tmp_path: Path, new_store: Callable[[Path], str]) -> str:
    return new_store(tmp_path / "store")


def test_compare_stars_the_champion_and_names_what_each_run_chose(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for seed, candidate, promoted in ((0, "mixture", True), (1, "stack", False)):
        with start_run(Settings(tracking_uri=store, seed=seed)) as run:
            run.tags({"candidate": candidate, "promoted": str(promoted).lower()})
            run.tags({"artifact_version": f"{seed}abcdef0123", "data_sha256": "feed" * 16})
            run.metrics({"aiq": 0.7, "cost_share_0.99": 0.81})
            run.register(f"{seed}abcdef0123", champion=promoted)
    with pytest.raises(RuntimeError), start_run(Settings(tracking_uri=store)):
        raise RuntimeError
    assert main(["compare", "--tracking-uri", store]) == 0
    head, _, *rows = capsys.readouterr().out.splitlines()
    cells = [[cell.strip() for cell in row.split("|")] for row in (head, *rows)]
    columns = dict(zip(cells[0], zip(*cells[1:], strict=True), strict=True))
    assert columns[""] == ("", "", "*")
    assert columns["status"] == ("failed", "not promoted", "finished")
    assert columns["candidate"] == ("-", "stack", "mixture")
    assert columns["seed"] == ("0", "1", "0")
    assert columns["artifact"] == ("-", "1abcdef0", "0abcdef0")
    assert columns["data"] == ("-", "feedfeed", "feedfeed")
    assert columns["cost_share_0.99"] == ("-", "0.810", "0.810")


def test_compare_shows_the_newest_runs_up_to_the_limit(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        with start_run(Settings(tracking_uri=store)):
            pass
    assert main(["compare", "--tracking-uri", store, "--limit", "2"]) == 0
    assert len(capsys.readouterr().out.splitlines()) == 2 + 2


def test_compare_without_a_run_says_what_to_do(
    store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", "--tracking-uri", store]) == 1
    assert "run 'make train' first" in capsys.readouterr().err


def test_bad_rows_are_each_named_once_with_the_way_on(
    store: str, tmp_path: Path, made_up_catalog_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    records = user_records(60)
    for record in records[:30]:
        record["quality"] = -1
    data = write_jsonl(tmp_path / "bad.jsonl", records)
    code = main(
        ["train", "--data", str(data), "--catalog", str(made_up_catalog_file),
         "--out", str(tmp_path / "out"), "--tracking-uri", store]
    )  # fmt: skip
    told = capsys.readouterr().err
    assert code == 1
    assert "30 bad rows" in told
    for line in range(1, 31):
        assert told.count(f"line {line}: quality is -1, outside [0, 1]") == 1
    assert "TRAIN_FLAGS=--skip-bad-rows" in told
    assert "Traceback" not in told


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required"),
        (["train", "--seed", "many"], "invalid int value"),
        (["train", "--map", "quality"], "not OURS=THEIRS"),
        (["promote"], "invalid choice"),
    ],
)
def test_bad_arguments_end_with_usage(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_an_unknown_format_is_refused_with_the_known_ones(
    store: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = write_jsonl(tmp_path / "labels.jsonl", user_records(2))
    arguments = ["train", "--data", str(data), "--format", "xml", "--tracking-uri", store]
    assert main(arguments) == 1
    assert "'xml' is not known; allowed are jsonl, csv, parquet" in capsys.readouterr().err


def test_other_column_names_and_public_formats_reach_the_reader(tmp_path: Path) -> None:
    with (tmp_path / "mine.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["text", "model", "score", "shoe size"])
        writer.writerows([["Name a fruit.", "mini", 1, 40], ["Name a fruit.", "maxi", 0.5, 41]])
    told: list[str] = []
    settings = Settings(
        encoder=ENCODER,
        data=str(tmp_path / "mine.csv"),
        format="csv",
        column_map=(("prompt", "text"), ("quality", "score")),
    )
    table = read_training_data(settings, told.append)
    assert table.models == ("mini", "maxi")
    assert table.quality.tolist() == [[1.0, 0.5]]
    assert "columns not used: shoe size" in told
