"""``prices``: what it prints of a catalog, what it writes from a table, and its exit status."""

import json
from pathlib import Path

import pytest

from router.cli.main import main
from router.cost.book.lines import read_rows

TABLE = {
    "acme/big": {
        "litellm_provider": "acme",
        "input_cost_per_token": 2e-6,
        "output_cost_per_token": 1e-5,
    },
    "acme/tiny": {"litellm_provider": "acme", "input_cost_per_token": 1e-7},
}


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "table.json"
    path.write_text(json.dumps(TABLE), encoding="utf-8")
    return path


def test_show_lists_every_rate_with_its_age(
    catalog_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prices", "show", "--catalog", str(catalog_file), "--day", "2025-04-11"]) == 0
    printed = capsys.readouterr().out
    assert "claude-3-haiku" in printed
    assert "2025-04-01, 10 days old" in printed


def test_check_fails_on_old_prices_and_passes_on_fresh_ones(
    catalog_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    check = ["prices", "check", "--catalog", str(catalog_file), "--day"]
    assert main([*check, "2025-04-11"]) == 0
    assert main([*check, "2026-11-26"]) == 1
    assert "3 of 3 prices were read more than 30 days ago" in capsys.readouterr().out


def test_import_writes_the_rows_of_the_models_asked_for(table: Path, tmp_path: Path) -> None:
    out = tmp_path / "prices.jsonl"
    asked = ["prices", "import", str(table), "--model", "acme/b*", "--as-of", "2026-11-12"]
    assert main([*asked, "--out", str(out)]) == 0
    assert [(row.model, str(row.price_class)) for row in read_rows(out)] == [
        ("big", "input"),
        ("big", "output"),
    ]


def test_import_refuses_a_model_that_the_table_lacks(
    table: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "prices.jsonl"
    asked = ["prices", "import", str(table), "--model", "acme/huge", "--as-of", "2026-11-12"]
    assert main([*asked, "--out", str(out)]) == 1
    assert "no model is 'acme/huge'" in capsys.readouterr().err
    assert not out.exists()
