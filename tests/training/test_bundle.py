"""``make data`` on a tiny collection, and what must hold of the files that ship."""

import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from eval.outcomes import read_origin, read_outcomes, require_encoder
from router.errors import DataError
from router.predict.encoder import TextEncoder
from router.predict.features import FEATURE_NAMES, FEATURES_VERSION
from training.sources.__main__ import main
from training.sources.bundle import bundle
from training.sources.origins import ORIGINS
from training.sources.otherwise import COPIES, bundle_otherwise
from training.sources.table import text_id
from training.wordings import WORDINGS

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "data" / "outcomes"
OTHERWISE = ROOT / "data" / "otherwise"
ENCODER = ROOT / "router" / "artifacts" / "default"
LABELS = {"prompt_id", "source", "task", "subtask", "group", "flags"}
QUESTION = (
    "A gardener plants nine rows of eleven bulbs and then a fox digs out thirteen of them. "
    "How many are left?"
)
MAX_BYTES = 25_000_000


def row(prompt_id: str, prompt: str, model: str, **changed: object) -> dict[str, object]:
    return {
        "prompt_id": prompt_id,
        "task": "sums",
        "subtask": "easy",
        "prompt": prompt,
        "model_norm": model,
        "quality": 1.0,
        "input_tokens": 20,
        "output_tokens": 5,
        "flags": None,
    } | changed


def collect(folder: Path, name: str, rows: list[dict[str, object]]) -> None:
    (folder / name).mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / name / "outcomes.parquet")


@pytest.fixture
def collected(tmp_path: Path) -> Path:
    folder = tmp_path / "collected"
    turns = json.dumps(
        [{"role": "user", "content": "Hum."}, {"role": "user", "content": "Louder."}]
    )
    collect(
        folder,
        "zeroeval",
        [
            row("z/1", QUESTION, "small", flags="no_answer|output_tokens_estimated"),
            row("z/1", QUESTION, "large", flags="output_tokens_estimated"),
        ],
    )
    collect(
        folder,
        "routellm",
        [
            row("gsm8k/7", QUESTION.upper(), "large", flags="contaminated"),
            row("mt_bench/81/t1", "Hum.", "large", task="mt_bench", output_tokens=None),
            row("mt_bench/81/t2", turns, "large", task="mt_bench", quality=0.25),
        ],
    )
    return folder


@pytest.fixture(scope="module")
def encoder() -> TextEncoder:
    return TextEncoder(ENCODER)


def test_a_collection_becomes_numbers_with_groups_over_all_sources(
    collected: Path, encoder: TextEncoder, tmp_path: Path
) -> None:
    files = bundle(collected, encoder, tmp_path / "out", sources=["zeroeval", "routellm"])
    assert [file.prompts for file in files] == [1, 3]
    first = read_outcomes(files[0].path)
    second = read_outcomes(files[1].path)
    assert first.group[0] == second.group[0], "the same question in two sources is one group"
    assert first.prompt_ids.tolist() == [text_id(QUESTION)]
    assert first.flags.tolist() == ["no_answer:small|output_tokens_estimated"]
    assert second.flags.tolist() == ["contaminated", "", ""]
    assert second.subtask.tolist() == ["easy", "q81/t1", "q81/t2"]
    assert second.group[1] == second.group[2], "both turns of a conversation are one group"
    assert np.isnan(second.output_tokens[1, 0])
    assert read_origin(files[0].path) == ORIGINS["zeroeval"]


def test_the_same_collection_gives_the_same_bytes(
    collected: Path, encoder: TextEncoder, tmp_path: Path
) -> None:
    one, two = (
        bundle(collected, encoder, tmp_path / name, sources=["routellm"])[0].path.read_bytes()
        for name in ("one", "two")
    )
    assert one == two


def test_the_user_prompt_alone_is_compared_where_tools_stand_in_the_prompt(
    encoder: TextEncoder, tmp_path: Path
) -> None:
    rows = [
        row(f"b/{n}", f"{QUESTION}\n{tool * 60}", "m", user_prompt=QUESTION)
        for n, tool in enumerate(["add numbers ", "draw circles "])
    ]
    collect(tmp_path, "bfcl", rows)
    (file,) = bundle(tmp_path, encoder, tmp_path / "out", sources=["bfcl"])
    assert file.groups == 1


def test_prompts_written_otherwise_keep_id_and_group_and_no_text(
    collected: Path, encoder: TextEncoder, tmp_path: Path
) -> None:
    files = bundle(collected, encoder, tmp_path / "out", sources=["zeroeval", "routellm"])
    tables = {file.path.stem: read_outcomes(file.path) for file in files}
    one, two = (
        bundle_otherwise(collected, tables, encoder, tmp_path / name)[0] for name in ("a", "b")
    )
    assert one.read_bytes() == two.read_bytes()
    changed = read_outcomes(one)
    assert 0 < len(changed) <= COPIES["zeroeval"]
    assert set(changed.prompt_ids.tolist()) == {text_id(QUESTION)}
    assert set(changed.group.tolist()) == set(tables["zeroeval"].group.tolist())
    assert changed.models == ()
    assert all(set(flag.split("|")) <= set(WORDINGS) for flag in changed.flags.tolist())
    assert not np.array_equal(changed.vectors[0], tables["zeroeval"].vectors[0])


@pytest.mark.parametrize("name", ORIGINS)
def test_a_shipped_file_of_prompts_written_otherwise_belongs_to_its_outcome_file(
    name: str,
) -> None:
    path = OTHERWISE / f"{name}.parquet"
    changed, outcomes = read_outcomes(path), read_outcomes(SHIPPED / f"{name}.parquet")
    assert read_origin(path) == ORIGINS[name]
    require_encoder(changed, outcomes.encoder_sha256)
    group_of = dict(zip(outcomes.prompt_ids.tolist(), outcomes.group.tolist(), strict=True))
    assert [group_of[one] for one in changed.prompt_ids.tolist()] == changed.group.tolist()
    assert {kind for flag in changed.flags for kind in flag.split("|")} == set(WORDINGS)
    names = pq.read_schema(path).names
    assert not any(one.startswith(("quality:", "output_tokens:")) for one in names)


def test_the_shipped_files_of_prompts_written_otherwise_are_small() -> None:
    assert {path.stem for path in OTHERWISE.glob("*")} == set(ORIGINS)
    assert sum(path.stat().st_size for path in OTHERWISE.glob("*")) < 6_000_000


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row("a", "Hm?", "m"), row("a", "Hm?", "m", quality=0.0)], "a model stands there twice"),
        ([row("a", "Hm?", "m"), row("a", "Ha?", "n")], "rows with different prompt"),
        ([row("a", "Hm?", "m", quality=1.5)], "quality 1.5 of m"),
        ([row("a", "Hm?", "m", quality=None), row("b", "Ha?", "m")], "quality None of m"),
        ([row("a", " ", "m")], "empty prompt"),
        ([{"prompt": "Hm?"}], "missing task, subtask"),
    ],
)
def test_a_collection_that_contradicts_itself_is_refused(
    tmp_path: Path, encoder: TextEncoder, rows: list[dict[str, object]], message: str
) -> None:
    collect(tmp_path, "bfcl", rows)
    with pytest.raises(DataError, match=message):
        bundle(tmp_path, encoder, tmp_path / "out", sources=["bfcl"])


def test_the_command_says_what_is_missing_and_ends_with_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    where = ["--from", str(tmp_path / "absent"), "--out", str(tmp_path)]
    assert main(["bundle", *where, "--encoder", str(ENCODER)]) == 1
    assert "name the folder with --from" in capsys.readouterr().err
    assert main(["bundle", *where, "--encoder", str(tmp_path)]) == 1
    assert "encoder.json" in capsys.readouterr().err


def test_the_shipped_files_are_every_source_and_small() -> None:
    assert {path.stem for path in SHIPPED.glob("*.parquet")} == set(ORIGINS)
    assert sum(path.stat().st_size for path in SHIPPED.glob("*")) < MAX_BYTES


@pytest.mark.parametrize("name", ORIGINS)
def test_a_shipped_file_holds_numbers_hashes_and_short_labels_but_no_text(name: str) -> None:
    table = pq.read_table(SHIPPED / f"{name}.parquet")
    texts = {f.name for f in table.schema if pa.types.is_string(f.type)}
    assert texts == LABELS
    assert not any(
        pa.types.is_large_string(f.type) or pa.types.is_binary(f.type) for f in table.schema
    )
    hashes = {str(v) for c in ("prompt_id", "group") for v in table[c].unique().to_pylist()}
    assert all(re.fullmatch(r"[0-9a-f]{16}", value) for value in hashes)
    for column in ("source", "task", "subtask"):
        labels = table[column].unique().to_pylist()
        assert len(labels) <= 250
        assert max(len(label.split()) for label in labels) <= 5
    models = {n.removeprefix("quality:") for n in table.column_names if n.startswith("quality:")}
    flags = {f for value in table["flags"].unique().to_pylist() for f in value.split("|") if f}
    known = {"contaminated", "output_tokens_estimated", "prompt_from_bfcl_v4"}
    assert flags <= known | {f"no_answer:{model}" for model in models}


def test_the_shipped_outcomes_fit_the_shipped_encoder_and_features() -> None:
    table = read_outcomes(SHIPPED)
    require_encoder(table, TextEncoder(ENCODER).encoder_sha256)
    assert table.features_version == str(FEATURES_VERSION)
    assert table.features.shape[1] == len(FEATURE_NAMES)
    assert len(table) == 32_546


def test_the_shipped_routellm_rows_give_the_accuracies_published_for_both_models() -> None:
    """RouteLLM, arXiv 2406.18665: MMLU 68.1 / 80.6, GSM8K 63.7 / 85.8, MT-Bench on 72 questions."""
    table = read_outcomes(SHIPPED / "routellm.parquet").for_models(
        ["mixtral-8x7b-instruct-v0.1", "gpt-4-1106-preview"]
    )
    kept = table.select(table.flags != "contaminated")
    means = {task: kept.select(kept.task == task) for task in ("mmlu", "gsm8k", "mt_bench")}
    assert [len(part) for part in means.values()] == [14_037, 1_307, 144]
    np.testing.assert_allclose(means["mmlu"].quality.mean(axis=0), [0.681, 0.806], atol=5e-4)
    np.testing.assert_allclose(means["gsm8k"].quality.mean(axis=0), [0.637, 0.858], atol=5e-4)
    scores = 1 + 9 * means["mt_bench"].quality.mean(axis=0)
    np.testing.assert_allclose(scores, [8.281, 9.212], atol=5e-4)
