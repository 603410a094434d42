"""Behaviour of the outcome table and of its files."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.outcomes import (
    Origin,
    OutcomeTable,
    read_origin,
    read_outcomes,
    require_encoder,
    write_outcomes,
)
from router.errors import DataError

ORIGIN = Origin("https://example.org/outcomes", "abc123", "Apache-2.0", "made for a test")


def table(
    n: int = 4, models: tuple[str, ...] = ("small", "large"), **changed: object
) -> OutcomeTable:
    rng = np.random.default_rng(7)
    vectors = rng.normal(size=(n, 8)).astype(np.float32)
    quality = rng.integers(0, 2, size=(n, len(models))).astype(np.float32)
    fields: dict[str, object] = {
        "prompt_ids": np.array([f"p{i}" for i in range(n)]),
        "source": np.full(n, "mine"),
        "task": np.full(n, "sums"),
        "subtask": np.full(n, ""),
        "group": np.array([f"p{i}" for i in range(n)]),
        "input_tokens": np.arange(10.0, 10.0 + n),
        "vectors": vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        "features": rng.normal(size=(n, 3)).astype(np.float32),
        "models": models,
        "quality": quality,
        "output_tokens": np.full((n, len(models)), 5, dtype=np.float32),
        "encoder_sha256": "a" * 64,
        "features_version": "1",
    } | changed
    return OutcomeTable(**fields)  # type: ignore[arg-type]


def test_a_file_gives_back_numbers_exactly_and_vectors_within_a_percent(tmp_path: Path) -> None:
    first = table(flags=np.array(["", "contaminated", "", ""]))
    first.quality[2, 1] = np.nan
    first.output_tokens[0, 0] = np.nan
    write_outcomes(first, tmp_path / "mine.parquet", ORIGIN)

    second = read_outcomes(tmp_path / "mine.parquet")

    assert second.models == first.models
    assert second.flags.tolist() == ["", "contaminated", "", ""]
    np.testing.assert_array_equal(second.quality, first.quality)
    np.testing.assert_array_equal(second.output_tokens, first.output_tokens)
    np.testing.assert_array_equal(second.features, first.features)
    np.testing.assert_array_equal(second.input_tokens, first.input_tokens)
    np.testing.assert_allclose(second.vectors, first.vectors, atol=0.01)
    assert read_origin(tmp_path / "mine.parquet") == ORIGIN


def test_writing_what_was_read_changes_nothing_any_more(tmp_path: Path) -> None:
    write_outcomes(table(), tmp_path / "one.parquet", ORIGIN)
    once = read_outcomes(tmp_path / "one.parquet")
    write_outcomes(once, tmp_path / "two.parquet", ORIGIN)
    assert read_outcomes(tmp_path / "two.parquet").content_hash() == once.content_hash()


def test_a_text_without_tokens_keeps_its_zero_vector(tmp_path: Path) -> None:
    zero = table()
    zero.vectors[1] = 0
    write_outcomes(zero, tmp_path / "zero.parquet", ORIGIN)
    assert not read_outcomes(tmp_path / "zero.parquet").vectors[1].any()


def test_an_empty_table_can_be_written_and_read(tmp_path: Path) -> None:
    write_outcomes(table(0), tmp_path / "none.parquet", ORIGIN)
    assert len(read_outcomes(tmp_path / "none.parquet")) == 0


def test_a_directory_is_read_as_one_table_in_the_order_of_file_names(tmp_path: Path) -> None:
    write_outcomes(table(2, source=np.full(2, "b")), tmp_path / "b.parquet", ORIGIN)
    write_outcomes(table(3, source=np.full(3, "a")), tmp_path / "a.parquet", ORIGIN)
    assert read_outcomes(tmp_path).source.tolist() == ["a", "a", "a", "b", "b"]


def test_joining_keeps_every_model_and_leaves_gaps_where_one_has_no_outcome() -> None:
    joined = OutcomeTable.concat([table(2, ("small", "large")), table(3, ("large", "huge"))])
    assert joined.models == ("small", "large", "huge")
    assert np.isnan(joined.quality[:2, 2]).all()
    assert np.isnan(joined.quality[2:, 0]).all()
    assert not np.isnan(joined.quality[:, 1]).any()


def test_for_models_keeps_only_rows_where_all_of_them_answered() -> None:
    gappy = table()
    gappy.quality[1, 0] = np.nan
    kept = gappy.for_models(["large", "small"])
    assert kept.models == ("large", "small")
    assert kept.prompt_ids.tolist() == ["p0", "p2", "p3"]
    np.testing.assert_array_equal(kept.quality[0], gappy.quality[0, ::-1])


@settings(deadline=None, max_examples=20)
@given(st.permutations(range(4)))
def test_selecting_twice_with_inverse_orders_gives_the_same_table(order: list[int]) -> None:
    index = np.array(order)
    back = table().select(index).select(np.argsort(index))
    assert back.content_hash() == table().content_hash()


@pytest.mark.parametrize(
    "changed",
    [
        {"encoder_sha256": "b" * 64},
        {"features_version": "2"},
        {"models": ("small", "huge")},
        {"task": np.full(4, "poems")},
        {"flags": np.array(["", "", "", "contaminated"])},
        {"input_tokens": np.full(4, 1.0)},
        {"quality": np.full((4, 2), np.nan, dtype=np.float32)},
    ],
    ids=lambda changed: next(iter(changed)),
)
def test_any_change_of_content_changes_the_hash(changed: dict[str, object]) -> None:
    assert table(**changed).content_hash() != table().content_hash()  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"task": np.full(3, "x")}, "task has 3 rows, prompt_ids has 4"),
        ({"quality": np.zeros((4, 3), dtype=np.float32)}, "quality has shape"),
        ({"quality": np.full((4, 2), 1.5, dtype=np.float32)}, r"quality must lie in \[0, 1\]"),
        ({"output_tokens": np.full((4, 2), -1, dtype=np.float32)}, "output_tokens must be"),
        ({"input_tokens": np.full(4, np.inf)}, "input_tokens must be"),
        ({"models": ("same", "same")}, "models must differ"),
    ],
)
def test_a_table_that_contradicts_itself_is_refused(
    changed: dict[str, object], message: str
) -> None:
    with pytest.raises(DataError, match=message):
        table(**changed)  # type: ignore[arg-type]


def test_files_of_different_encoders_are_refused_with_both_hashes_and_the_way_out(
    tmp_path: Path,
) -> None:
    write_outcomes(table(), tmp_path / "a.parquet", ORIGIN)
    write_outcomes(table(encoder_sha256="b" * 64), tmp_path / "b.parquet", ORIGIN)
    with pytest.raises(DataError, match="make data") as caught:
        read_outcomes(tmp_path)
    assert "a" * 64 in str(caught.value)
    assert "b" * 64 in str(caught.value)


def test_a_changed_encoder_is_refused_and_an_equal_one_is_not() -> None:
    require_encoder(table(), "a" * 64)
    with pytest.raises(DataError, match="make data") as caught:
        require_encoder(table(), "c" * 64)
    assert caught.value.reason == "ENCODER_MISMATCH"
    assert "c" * 64 in str(caught.value)


def test_an_unknown_model_is_refused_with_the_models_there_are() -> None:
    with pytest.raises(DataError, match="no outcomes of huge: this table has small, large"):
        table().for_models(["huge"])


def test_joining_nothing_and_joining_other_feature_versions_is_refused() -> None:
    with pytest.raises(DataError, match="at least one"):
        OutcomeTable.concat([])
    with pytest.raises(DataError, match="version"):
        OutcomeTable.concat([table(), table(features_version="2")])


def rewritten(path: Path, drop: str = "", metadata: dict[str, str] | None = None) -> Path:
    old = pq.read_table(path)
    kept = old.drop_columns([drop]) if drop else old
    said = {key.decode(): value.decode() for key, value in old.schema.metadata.items()}
    pq.write_table(kept.replace_schema_metadata(said | (metadata or {})), path)
    return path


@pytest.mark.parametrize("column", ["features", "vector", "flags", "output_tokens:small"])
def test_a_missing_column_is_refused_by_name(tmp_path: Path, column: str) -> None:
    path = tmp_path / "mine.parquet"
    write_outcomes(table(), path, ORIGIN)
    with pytest.raises(DataError, match=f"mine.parquet: missing {column}"):
        read_outcomes(rewritten(path, drop=column))


def test_files_that_are_no_outcome_tables_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    write_outcomes(table(), path, ORIGIN)
    with pytest.raises(DataError, match="format '9'; this release reads format '1'"):
        read_outcomes(rewritten(path, metadata={"router.format": "9"}))
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(DataError, match="no outcome table"):
        read_outcomes(path)
    path.write_bytes(b"not parquet at all")
    with pytest.raises(DataError, match="not readable as Parquet"):
        read_outcomes(path)
    with pytest.raises(DataError, match="no outcome file here"):
        read_outcomes(tmp_path / "absent.parquet")
    with pytest.raises(DataError, match="no outcome file here"):
        read_outcomes([tmp_path / "empty-directory"])


def test_an_empty_cell_or_a_wrong_type_in_a_label_column_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "mine.parquet"
    write_outcomes(table(), path, ORIGIN)
    old = pq.read_table(path)
    at = old.column_names.index("task")
    pq.write_table(old.set_column(at, "task", pa.array([None, "a", "b", "c"])), path)
    with pytest.raises(DataError, match="wrong type"):
        read_outcomes(path)
    at = old.column_names.index("vector")
    pq.write_table(old.set_column(at, "vector", pa.array(["x", "a", "b", "c"])), path)
    with pytest.raises(DataError, match="wrong type"):
        read_outcomes(path)
