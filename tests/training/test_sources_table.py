"""Checked rows become arrays; the texts are read once and forgotten."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from eval.outcomes import Origin, read_outcomes, write_outcomes
from router.cost.tokens import estimate_conversation_tokens
from router.predict.features import FEATURES_VERSION
from router.predict.window import WINDOW_CHARS
from training.sources.load import load_rows
from training.sources.rows import RowTable
from training.sources.table import Vectors, to_outcome_table


class LetterEncoder:
    """A real, tiny encoder: letter frequencies as the vector, the length as the only feature."""

    def __init__(self) -> None:
        self.read: list[str] = []

    @property
    def encoder_sha256(self) -> str:
        return hashlib.sha256(b"letters").hexdigest()

    def encode(self, texts: Sequence[str]) -> tuple[Vectors, Vectors]:
        self.read.extend(texts)
        counts = np.array([[t.count(c) for c in "etaoin"] for t in texts], dtype=np.float32)
        counts = counts.reshape(len(texts), 6)
        lengths = np.linalg.norm(counts, axis=1, keepdims=True)
        features = np.array([[len(t)] for t in texts], dtype=np.float32).reshape(len(texts), 1)
        return counts / np.where(lengths > 0, lengths, 1), features


@pytest.fixture
def rows(tmp_path: Path) -> RowTable:
    records = [
        {"prompt": "Name a fruit.", "model": "small", "quality": 1, "input_tokens": 4},
        {"prompt": "Name a fruit.", "model": "large", "quality": 0.5, "input_tokens": 6},
        {"prompt": "name a fruit", "model": "large", "quality": 1, "output_tokens": 9},
        {"prompt": "What is rain?", "model": "small", "quality": 0, "task": "sky", "group": "g"},
        {"prompt": "Why do cats purr?", "model": "small", "quality": 0, "group": "g"},
    ]
    path = tmp_path / "o.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    return load_rows(path)


def test_one_row_per_prompt_with_gaps_where_a_model_did_not_answer(rows: RowTable) -> None:
    table = to_outcome_table(rows, LetterEncoder(), source="my own file")
    assert len(table) == 4
    assert table.models == ("small", "large")
    np.testing.assert_array_equal(
        table.quality, np.array([[1, 0.5], [np.nan, 1], [0, np.nan], [0, np.nan]], np.float32)
    )
    assert table.output_tokens[1, 1] == 9
    assert np.isfinite(table.output_tokens).sum() == 1
    assert table.task.tolist() == ["default", "default", "sky", "default"]
    assert set(table.source.tolist()) == {"my own file"}
    assert table.features_version == str(FEATURES_VERSION)


def test_ids_are_hashes_of_the_text_and_groups_join_duplicates_and_the_users_groups(
    rows: RowTable,
) -> None:
    table = to_outcome_table(rows, LetterEncoder())
    assert table.prompt_ids[0] == hashlib.sha256(b"Name a fruit.").hexdigest()[:16]
    assert table.group[0] == table.group[1]
    assert table.group[2] == table.group[3]
    assert table.group[0] == min(table.prompt_ids[:2])


def test_input_tokens_are_the_mean_of_what_is_stated_else_the_estimate(rows: RowTable) -> None:
    table = to_outcome_table(rows, LetterEncoder())
    assert table.input_tokens[0] == 5
    assert table.input_tokens[1] == estimate_conversation_tokens(["name a fruit"])


def test_the_encoder_reads_what_serving_would_read(tmp_path: Path) -> None:
    turns = [{"role": "user", "content": "one"}, {"role": "user", "content": "two"}]
    records = [
        {"prompt": "long " * WINDOW_CHARS, "model": "m", "quality": 1},
        {"messages": turns, "model": "m", "quality": 1},
    ]
    path = tmp_path / "o.jsonl"
    path.write_text("\n".join(map(json.dumps, records)))
    encoder = LetterEncoder()
    to_outcome_table(load_rows(path), encoder)
    assert len(encoder.read[0]) <= WINDOW_CHARS
    assert encoder.read[1] == "two"


def test_a_table_made_of_rows_survives_its_file(rows: RowTable, tmp_path: Path) -> None:
    table = to_outcome_table(rows, LetterEncoder())
    write_outcomes(table, tmp_path / "mine.parquet", Origin("own", "none", "none"))
    back = read_outcomes(tmp_path / "mine.parquet")
    assert back.group.tolist() == table.group.tolist()
    np.testing.assert_allclose(back.vectors, table.vectors, atol=0.01)
