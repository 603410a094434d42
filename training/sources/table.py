"""Checked rows to an outcome table: texts become vectors and features, then are forgotten.

Duplicate groups come from ``groups``, token estimates from ``router.cost.tokens``; the encoder is
handed in.
"""

import hashlib
import sys
from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from eval.outcomes import OutcomeTable
from router.cost.tokens import estimate_conversation_tokens
from router.predict.features import FEATURES_VERSION
from router.predict.window import window
from router.types import Message
from training.sources.groups import duplicate_groups
from training.sources.rows import Row, RowTable

_PROMPTS_AT_ONCE = 1024

Vectors = NDArray[np.float32]


class Encoder(Protocol):
    """What ``router.predict.encoder.TextEncoder`` offers."""

    @property
    def encoder_sha256(self) -> str:
        """Hash that identifies graph and tokenizer."""

    def encode(self, texts: Sequence[str]) -> tuple[Vectors, Vectors]:
        """Return vectors (n, d) and text features (n, f), both float32."""


def to_outcome_table(
    rows: RowTable, encoder: Encoder, *, source: str = "user", progress: bool = False
) -> OutcomeTable:
    """Make an outcome table of checked rows, one row per prompt in order of appearance.

    Input tokens of a prompt are the mean over its rows that state them (models count
    differently), else the router's estimate. A prompt without an id gets the hash of its text.

    Args:
        rows: checked rows.
        encoder: makes vectors and features.
        source: name of the collection, the table's ``source``.
        progress: Show bars on stderr.
    """
    prompts: dict[str, list[Row]] = {}
    for row in rows.rows:
        prompts.setdefault(row.key, []).append(row)
    firsts = [same[0] for same in prompts.values()]
    models = tuple(dict.fromkeys(row.model for row in rows.rows))
    quality = np.full((len(firsts), len(models)), np.nan, dtype=np.float32)
    output = quality.copy()
    column = {model: at for at, model in enumerate(models)}
    for at, same in enumerate(prompts.values()):
        for row in same:
            quality[at, column[row.model]] = row.quality
            if row.output_tokens is not None:
                output[at, column[row.model]] = row.output_tokens
    ids = [row.prompt_id or text_id(row.text) for row in firsts]
    texts = ["\n".join(message.content for message in row.messages) for row in firsts]
    vectors, features = encode_conversations(
        [row.messages for row in firsts], encoder, progress=progress
    )
    return OutcomeTable(
        prompt_ids=np.array(ids, dtype=np.str_),
        source=np.array([source] * len(firsts), dtype=np.str_),
        task=np.array([row.task for row in firsts], dtype=np.str_),
        subtask=np.array([row.subtask for row in firsts], dtype=np.str_),
        group=np.array(
            duplicate_groups(texts, ids, linked=[row.group for row in firsts], progress=progress),
            dtype=np.str_,
        ),
        input_tokens=np.array([_input_tokens(same) for same in prompts.values()]),
        vectors=vectors,
        features=features,
        models=models,
        quality=quality,
        output_tokens=output,
        encoder_sha256=encoder.encoder_sha256,
        features_version=str(FEATURES_VERSION),
    )


def text_id(text: str) -> str:
    """Return the first 16 hex digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def encode_conversations(
    conversations: Sequence[Sequence[Message]], encoder: Encoder, *, progress: bool = False
) -> tuple[Vectors, Vectors]:
    """Encode what serving would read of each conversation.

    Returns:
        Vectors (n, d) and features (n, f), float32.
    """
    texts = [window(messages) for messages in conversations]
    vectors: list[Vectors] = []
    features: list[Vectors] = []
    with tqdm(total=len(texts), desc="encode", disable=not progress, file=sys.stderr) as bar:
        for start in range(0, max(len(texts), 1), _PROMPTS_AT_ONCE):
            batch = texts[start : start + _PROMPTS_AT_ONCE]
            for made, into in zip(encoder.encode(batch), (vectors, features), strict=True):
                into.append(made)
            bar.update(len(batch))
    return np.concatenate(vectors), np.concatenate(features)


def _input_tokens(same: Sequence[Row]) -> float:
    stated = [row.input_tokens for row in same if row.input_tokens is not None]
    if stated:
        return sum(stated) / len(stated)
    return estimate_conversation_tokens(message.content for message in same[0].messages)
