"""Answers with their texts, turned into the numbers that ship in data/answers.

``answers.parquet`` in a source's folder has one row per prompt and model: prompt_id, task, model,
answer, quality, output_tokens. What is kept is its digest (``router.review.digest``), never its
text. Reading what is written here is ``eval.review.answers``.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from eval.review.answers import Answers, write_answers
from router.errors import DataError
from router.review.digest import digest_of
from router.types import Message
from training.sources.origins import ORIGINS
from training.sources.table import Encoder, encode_conversations, text_id

SOURCE = "zeroeval"
_COLUMNS = ("prompt_id", "task", "model", "answer", "quality", "output_tokens")
_TOKEN_LIMIT = 4095
"""The recorded runs wrote at most this many tokens: who reached it was cut off."""


def bundle_answers(directory: Path, encoder: Encoder, path: Path) -> Answers:
    """Read ``directory/zeroeval`` and write ``path``; the same input gives the same bytes.

    Raises:
        DataError: a file is missing or lacks columns, or an answer names no known prompt.
    """
    rows = _read(directory / SOURCE / "answers.parquet", _COLUMNS)
    prompts = _read(
        directory / SOURCE / "outcomes.parquet", ("prompt_id", "prompt", "model", "model_norm")
    )
    text_of = dict(zip(prompts["prompt_id"], prompts["prompt"], strict=True))
    name_of = dict(zip(prompts["model"], prompts["model_norm"], strict=True))
    unknown = sorted(set(rows["prompt_id"]) - set(text_of))
    if unknown:
        raise DataError(f"{len(unknown)} answers name no known prompt, first {unknown[0]}")
    ids = list(dict.fromkeys(rows["prompt_id"]))
    models = sorted({name_of[model] for model in rows["model"]})
    place = {key: index for index, key in enumerate(ids)}
    column = {model: index for index, model in enumerate(models)}
    where = [
        (place[prompt], column[name_of[model]])
        for prompt, model in zip(rows["prompt_id"], rows["model"], strict=True)
    ]
    if len(set(where)) != len(ids) * len(models) or len(where) != len(set(where)):
        raise DataError("every prompt needs exactly one answer of every model")
    digests = [
        digest_of(text, tokens)
        for text, tokens in zip(rows["answer"], rows["output_tokens"], strict=True)
    ]
    order = np.array([row * len(models) + model for row, model in where])
    vectors, _ = encode_conversations([(Message("assistant", t),) for t in rows["answer"]], encoder)

    def matrix(values: Any, kind: Any) -> np.ndarray:
        flat = np.asarray(values, dtype=kind)
        placed: np.ndarray = np.empty_like(flat)
        placed[order] = flat
        return np.reshape(placed, (len(ids), len(models), *flat.shape[1:]))

    by_place = matrix(vectors, np.float32)
    tokens = matrix(rows["output_tokens"], np.int32)
    answers = Answers(
        prompt_ids=np.array([text_id(text_of[key]) for key in ids], dtype=np.str_),
        models=tuple(models),
        kind=matrix([digest.kind for digest in digests], np.int8),
        final_hash=matrix([digest.final_hash for digest in digests], np.str_),
        features=matrix([digest.features for digest in digests], np.float32),
        output_tokens=tokens,
        truncated=tokens >= _TOKEN_LIMIT,
        quality=matrix(rows["quality"], np.float32),
        cosine=np.einsum("nid,njd->nij", by_place, by_place).astype(np.float32),
    )
    write_answers(answers, path, ORIGINS[SOURCE])
    return answers


def _read(path: Path, columns: tuple[str, ...]) -> dict[str, list[Any]]:
    try:
        table = pq.read_table(path, columns=list(columns))
    except (OSError, pa.ArrowException, KeyError) as error:
        raise DataError(f"{path}: cannot be read ({error}); name the folder with --from") from error
    return {name: table[name].to_pylist() for name in columns}
