"""RouteLLM's answer tables (lm-sys/RouteLLM, ``routellm/evals``): MMLU and GSM8K as CSV.

Read in the repository: ``mmlu/responses/mmlu_<subject>.csv`` with columns ``prompt`` and one column
``True``/``False`` per model; ``gsm8k/gsm8k_responses.csv`` with the same and ``<model>_response``,
the answer's text. Models are named ``mistralai/Mixtral-8x7B-Instruct-v0.1`` and
``gpt-4-1106-preview`` at HEAD, ``mixtral-8x7b-instruct-v0.1`` before. Assumed: every column that
is neither the prompt nor an answer is a model. MT-Bench is not read: its scores stand in another
file than its questions.
"""

from collections.abc import Iterator, Mapping
from pathlib import Path

from router.cost.tokens import estimate_tokens
from training.sources.adapters.tables import each_table, missing_columns
from training.sources.rows import RawRecord, RawTable

_ANSWER = "_response"
_NOTE = "output tokens are estimated from the recorded answers; MMLU records none"


def read_routellm(path: Path) -> RawTable:
    """Read one CSV or a directory of them; the task is told from the file's name.

    Raises:
        DataError: no CSV there, or one without a prompt and a model.
    """
    records: list[RawRecord] = []
    for file, table in each_table(path):
        columns = list(next((r.values for r in table.records if not r.problem), {}))
        models = [name for name in columns if name != "prompt" and not name.endswith(_ANSWER)]
        if columns and ("prompt" not in columns or not models):
            raise missing_columns(file, "prompt and one column per model", ", ".join(columns))
        for record in table.records:
            where = f"{file.name} {record.where}"
            if record.problem:
                records.append(RawRecord(where, {}, record.problem))
            records.extend(_outcomes(file.stem, where, record.values, models))
    return RawTable(records, numbers_as_text=True, notes=(_NOTE,))


def _outcomes(
    stem: str, where: str, values: Mapping[str, object], models: list[str]
) -> Iterator[RawRecord]:
    task, _, subject = stem.removesuffix("_responses").partition("_")
    for model in models if values else []:
        answer = values.get(model + _ANSWER)
        long = {
            "prompt": values.get("prompt"),
            # MMLU asks some questions twice; the line keeps them apart.
            "prompt_id": where,
            "task": task,
            "subtask": subject,
            "model": model,
            "quality": values.get(model),
            "output_tokens": estimate_tokens(answer) if isinstance(answer, str) else None,
        }
        yield RawRecord(f"{where}, {model}", long)
