"""Public outcome formats, as tiny files with texts of our own."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from router.cost.tokens import estimate_tokens
from router.errors import DataError
from training.sources.load import load_rows

WEAK, STRONG = "mistralai/Mixtral-8x7B-Instruct-v0.1", "gpt-4-1106-preview"


def test_routellm_mmlu_tables_give_both_models_and_the_subject(tmp_path: Path) -> None:
    folder = tmp_path / "responses"
    folder.mkdir()
    question = '"Which is red?\nA. grass\nB. rust\nAnswer:"'
    (folder / "mmlu_colours.csv").write_text(
        f"prompt,{WEAK},{STRONG}\n{question},False,True\n{question},True,True\n"
    )
    rows = load_rows(folder, format="routellm").rows
    assert [(row.model, row.quality) for row in rows] == [
        (WEAK, 0.0),
        (STRONG, 1.0),
        (WEAK, 1.0),
        (STRONG, 1.0),
    ]
    assert {(row.task, row.subtask) for row in rows} == {("mmlu", "colours")}
    assert {row.output_tokens for row in rows} == {None}
    assert len({row.key for row in rows}) == 2, "a question asked twice upstream stays two rows"


def test_routellm_gsm8k_counts_the_recorded_answers(tmp_path: Path) -> None:
    path = tmp_path / "gsm8k_responses.csv"
    path.write_text(
        f"prompt,{WEAK},{STRONG},{WEAK}_response,{STRONG}_response\n"
        'Two pears and a pear?,True,False,It is 3.,"Well, it must be four."\n'
    )
    weak, strong = load_rows(path, format="routellm").rows
    assert (weak.task, weak.quality, strong.quality) == ("gsm8k", 1.0, 0.0)
    assert strong.output_tokens == estimate_tokens("Well, it must be four.")


def test_routellm_tables_without_models_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "mmlu_x.csv"
    path.write_text("prompt,a_response\nHm?,Hm.\n")
    with pytest.raises(DataError, match="expected prompt and one column per model"):
        load_rows(path, format="routellm")


def routerbench_row(sample: str, prompt: object) -> dict[str, object]:
    return {
        "sample_id": sample,
        "prompt": prompt,
        "eval_name": "mmlu-fruit",
        "small/chat": 0.0,
        "big-1": 1.0,
        "small/chat|model_response": "['Pear']",
        "big-1|model_response": "['An apple, of course']",
        "small/chat|total_cost": 0.00001,
        "big-1|total_cost": 0.002,
        "oracle_model_to_route_to": "big-1",
    }


@pytest.mark.parametrize("prompt", [["Pick one.", "Fruit?"], "['Pick one.', 'Fruit?']"])
def test_routerbench_rows_become_one_outcome_per_model(tmp_path: Path, prompt: object) -> None:
    path = tmp_path / "routerbench.parquet"
    pq.write_table(pa.Table.from_pylist([routerbench_row("mmlu-fruit.val.1", prompt)]), path)
    table = load_rows(path, format="routerbench")
    assert [(row.model, row.quality) for row in table.rows] == [("small/chat", 0.0), ("big-1", 1.0)]
    first = table.rows[0]
    assert (first.text, first.task, first.subtask) == ("Pick one.\nFruit?", "mmlu", "mmlu-fruit")
    assert first.output_tokens == estimate_tokens("Pear")
    assert "total_cost is not used" in table.report()


def test_routerbench_as_csv_reads_the_same(tmp_path: Path) -> None:
    path = tmp_path / "routerbench.csv"
    path.write_text(
        "sample_id,prompt,eval_name,m,m|total_cost\nx.1,\"['Fruit?']\",grade-school-math,1.0,0.1\n"
    )
    (row,) = load_rows(path, format="routerbench").rows
    assert (row.text, row.task, row.quality) == ("Fruit?", "grade", 1.0)


def test_routerbench_pickles_are_not_opened(tmp_path: Path) -> None:
    path = tmp_path / "routerbench_0shot.pkl"
    path.write_bytes(b"\x80\x04.")
    with pytest.raises(DataError, match="to_parquet") as caught:
        load_rows(path, format="routerbench")
    assert caught.value.reason == "PICKLE_REFUSED"


def sprout_cell(score: float | None) -> dict[str, object]:
    return {
        "score": score,
        "num_input_tokens": 11,
        "num_output_tokens": 29,
        "response": "words",
        "judge_response": "more words",
    }


def test_sprout_structs_become_outcomes_with_their_token_counts(tmp_path: Path) -> None:
    path = tmp_path / "train-00000.parquet"
    record = {
        "key": 5,
        "dataset": "math",
        "dataset_level": "2",
        "prompt": "One and one?",
        "golden_answer": "2",
        "openai-gpt-4o": sprout_cell(1.0),
        "wxai-llama-3-1-8b-instruct": sprout_cell(0.5),
    }
    pq.write_table(pa.Table.from_pylist([record]), path)
    first, second = load_rows(path, format="sprout").rows
    assert (first.model, first.quality, second.quality) == ("openai-gpt-4o", 1.0, 0.5)
    assert (first.input_tokens, first.output_tokens) == (11, 29)
    assert (first.prompt_id, first.task, first.subtask) == ("5", "math", "2")


def test_a_sprout_cell_without_a_score_is_a_bad_row_and_not_a_zero(tmp_path: Path) -> None:
    path = tmp_path / "train.parquet"
    record = {
        "key": 1,
        "prompt": "Hm?",
        "dataset": "d",
        "a": sprout_cell(1.0),
        "b": sprout_cell(None),
    }
    pq.write_table(pa.Table.from_pylist([record, {**record, "key": 2, "b": sprout_cell(0)}]), path)
    with pytest.raises(DataError, match="row 1, b: quality is missing"):
        load_rows(path, format="sprout")
    assert len(load_rows(path, format="sprout", on_bad="skip").rows) == 3


def test_a_table_without_model_structs_is_not_sprout(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    pq.write_table(pa.table({"prompt": ["Hm?"]}), path)
    with pytest.raises(DataError, match="expected prompt, dataset"):
        load_rows(path, format="sprout")


def bench_file(folder: Path, stamp: str, *, score: float | None, **changed: object) -> Path:
    """Write a result file the way ``data_collector/storage.py`` lays it out."""
    folder.mkdir(parents=True, exist_ok=True)
    content = {
        "performance": 1.0,
        "counts": 1,
        "model_name": "glm-4.6",
        "dataset_name": "aime",
        "split": "test",
        "demo": False,
        "records": [
            {
                "index": 1,
                "origin_query": "One and one?",
                "prompt": "Question: One and one?\nAnswer:",
                "prediction": "2",
                "ground_truth": "2",
                "score": score,
                "prompt_tokens": 15,
                "completion_tokens": 5,
                "cost": 0.0001,
                "raw_output": "two",
            }
        ],
    } | changed
    path = folder / f"aime-test-{folder.name}-{stamp}.json"
    path.write_text(json.dumps(content))
    return path


def test_llmrouterbench_reads_the_newest_real_run_of_each_model(tmp_path: Path) -> None:
    bench = tmp_path / "bench" / "aime" / "test"
    bench_file(bench / "glm-4.6", "20250901_120000", score=0.0)
    bench_file(bench / "glm-4.6", "20250902_120000", score=1.0)
    bench_file(bench / "glm-4.6", "20250903_120000", score=0.0, demo=True)
    bench_file(bench / "other", "20250901_120000", score=0.5, model_name=None)
    table = load_rows(tmp_path, format="llmrouterbench")
    assert [(row.model, row.quality) for row in table.rows] == [("glm-4.6", 1.0), ("other", 0.5)]
    first = table.rows[0]
    assert (first.text, first.task, first.prompt_id) == ("One and one?", "aime", "aime/test/1")
    assert (first.input_tokens, first.output_tokens) == (15, 5)
    assert "an older run: aime-test-glm-4.6-20250901_120000.json" in table.report()
    assert "a demo run: aime-test-glm-4.6-20250903_120000.json" in table.report()


def test_llmrouterbench_names_unreadable_files_and_unscored_records(tmp_path: Path) -> None:
    bench_file(tmp_path / "m", "20250901_120000", score=None)
    (tmp_path / "m" / "broken.json").write_text("{")
    (tmp_path / "m" / "list.json").write_text("[]")
    bench_file(tmp_path / "n", "20250901_120000", score=1, model_name="n", records=["text"])
    with pytest.raises(DataError) as caught:
        load_rows(tmp_path, format="llmrouterbench")
    said = "\n".join(caught.value.problems)
    assert "broken.json: not JSON" in said
    assert "list.json: no list of records" in said
    assert "record 1: quality is missing" in said
    assert "record 1: expected an object, found str" in said


def test_a_model_named_in_the_record_alone_is_found(tmp_path: Path) -> None:
    record = {"index": 1, "prompt": "Hm?", "score": 1, "model": "from-record"}
    bench_file(tmp_path / "folder", "20250901_120000", score=1, model_name="", records=[record])
    assert load_rows(tmp_path, format="llmrouterbench").rows[0].model == "from-record"


@pytest.mark.parametrize("form", ["routellm", "routerbench", "sprout", "llmrouterbench"])
def test_an_empty_directory_is_refused_by_every_adapter(tmp_path: Path, form: str) -> None:
    with pytest.raises(DataError, match="file here"):
        load_rows(tmp_path, format=form)
