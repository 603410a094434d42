"""The collected outcome tables with their texts, read and checked, before they become numbers.

One folder per source holds ``outcomes.parquet`` with columns task, subtask, prompt, prompt_id,
model_norm, quality, input_tokens, output_tokens and flags (and user_prompt where the prompt also
holds tool definitions), one row per prompt and model. Making files of them is ``bundle``.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from router.errors import DataError
from router.types import Message
from training.sources.rows import listed

_COLUMNS = (
    "task", "subtask", "prompt", "prompt_id", "model_norm", "quality", "input_tokens",
    "output_tokens", "flags",
)  # fmt: skip
_QUESTION = "user_prompt"
_CONVERSATIONS = "mt_bench"


@dataclass(frozen=True, slots=True)
class Prompt:
    """One prompt of a collection.

    Attributes:
        text: as published; what is hashed.
        messages: what a caller of the router would send.
        question: what is compared for duplicates: the user's words, without the tools on offer.
        task: task.
        subtask: subtask; for MT-Bench ``q<question>/t<turn>``.
        flags: sorted; what holds for one model only ends in ``:<model>``.
        input_tokens: as counted upstream.
        link: prompts of an equal non-empty link are one duplicate group.
    """

    text: str
    messages: tuple[Message, ...]
    question: str
    task: str
    subtask: str
    flags: tuple[str, ...]
    input_tokens: float
    link: str


@dataclass(frozen=True, slots=True)
class Collection:
    """All prompts of one source; ``quality`` and ``output_tokens`` (n, m) float32, NaN = none."""

    name: str
    prompts: tuple[Prompt, ...]
    models: tuple[str, ...]
    quality: NDArray[np.float32]
    output_tokens: NDArray[np.float32]


def read_collection(directory: Path, name: str) -> Collection:
    """Read ``directory/name/outcomes.parquet``.

    Raises:
        DataError: missing, not Parquet, columns missing, a prompt and model twice, a prompt whose
            rows contradict each other, or a quality outside [0, 1].
    """
    path = directory / name / "outcomes.parquet"
    try:
        table = pq.read_table(path)
    except (OSError, pa.ArrowException) as error:
        raise DataError(f"{path}: cannot be read ({error}); name the folder with --from") from error
    missing = [column for column in _COLUMNS if column not in table.column_names]
    if missing:
        raise DataError(f"{path}: missing {', '.join(missing)}", reason="MISSING_COLUMN")
    optional = [column for column in (_QUESTION,) if column in table.column_names]
    rows = table.select([*_COLUMNS, *optional]).to_pylist()
    models = tuple(sorted({str(row["model_norm"]) for row in rows}))
    column = {model: at for at, model in enumerate(models)}
    by_prompt: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        by_prompt.setdefault(str(row["prompt_id"]), []).append(row)
    quality = np.full((len(by_prompt), len(models)), np.nan, dtype=np.float32)
    output = quality.copy()
    problems: list[str] = []
    prompts: list[Prompt] = []
    for at, (upstream_id, same) in enumerate(by_prompt.items()):
        problems.extend(f"{upstream_id}: {fault}" for fault in _faults(same))
        prompts.append(_prompt(upstream_id, same))
        for row in same:
            place = column[str(row["model_norm"])]
            quality[at, place] = row["quality"]
            output[at, place] = np.nan if row["output_tokens"] is None else row["output_tokens"]
    if problems:
        raise DataError(
            f"{path}: {len(problems)} prompts contradict themselves:\n{listed(problems)}",
            problems=problems,
        )
    return Collection(name, tuple(prompts), models, quality, output)


def _faults(same: list[dict[str, Any]]) -> list[str]:
    models = [row["model_norm"] for row in same]
    faults = [] if len(set(models)) == len(models) else ["a model stands there twice"]
    faults += [
        f"rows with different {name}"
        for name in ("task", "subtask", "prompt", "input_tokens")
        if len({row[name] for row in same}) > 1
    ]
    if not str(same[0]["prompt"]).strip():
        faults.append("empty prompt")
    for row in same:
        score = row["quality"]
        if not isinstance(score, float) or not 0 <= score <= 1:
            faults.append(f"quality {score} of {row['model_norm']}")
    return faults


def _prompt(upstream_id: str, same: list[dict[str, Any]]) -> Prompt:
    first = same[0]
    text, task = str(first["prompt"]), str(first["task"])
    messages: tuple[Message, ...] = (Message("user", text),)
    subtask, link = str(first["subtask"] or ""), ""
    if task == _CONVERSATIONS:
        # Upstream id mt_bench/<question>/t<turn>; both turns are one decision, so one group.
        _, question, turn = upstream_id.split("/")
        subtask, link = f"q{question}/{turn}", f"{task}/{question}"
        if text.startswith("["):
            messages = tuple(Message(m["role"], m["content"]) for m in json.loads(text))
    return Prompt(
        text=text,
        messages=messages,
        question=str(first.get(_QUESTION) or "\n".join(m.content for m in messages)),
        task=task,
        subtask=subtask,
        flags=_flags(same),
        input_tokens=float(str(first["input_tokens"])),
        link=link,
    )


def _flags(same: list[dict[str, Any]]) -> tuple[str, ...]:
    """Return what every row of a prompt says as it is, the rest with the model's name."""
    said = [
        (str(row["model_norm"]), {f for f in str(row["flags"] or "").split("|") if f})
        for row in same
    ]
    shared = set.intersection(*(flags for _, flags in said))
    single = {f"{flag}:{model}" for model, flags in said for flag in flags - shared}
    return tuple(sorted(shared | single))
