"""Bundled prompts written otherwise, turned into the numbers that ship in data/otherwise.

Outcome files hold no texts, so what a greeting or a wrapper does to a prompt's inputs is computed
while the texts are at hand. What is written is an outcome file without models: the changed
prompts' inputs under the ids of the prompts as they were, the kinds of change in ``flags``.
Reading it is ``training.otherwise``.
"""

import random
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.outcomes import OutcomeTable, write_outcomes
from router.cost.tokens import estimate_conversation_tokens
from router.types import Message
from training.sources.origins import ORIGINS
from training.sources.table import Encoder, encode_conversations, text_id
from training.sources.upstream import read_collection
from training.wordings import reworded

COPIES: Mapping[str, float] = {"zeroeval": 3, "bfcl": 3, "routellm": 0.3, "mmlu_pro": 0.3}
"""How often a prompt of each source is written otherwise; below 1, the share of its prompts."""

_SEED = 0
_LABELS = ("prompt_ids", "source", "task", "subtask", "group")


def bundle_otherwise(
    directory: Path,
    outcomes: Mapping[str, OutcomeTable],
    encoder: Encoder,
    out: Path,
    *,
    progress: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[Path]:
    """Write ``out/<source>.parquet`` for each source; the same input gives the same bytes.

    Args:
        directory: holds ``<source>/outcomes.parquet``, see ``upstream``.
        outcomes: by source, the table made of it: its labels and groups.
        encoder: makes vectors and features.
        out: directory of the files; made if need be.
        progress: Show bars on stderr.
        say: takes a line for each step.

    Raises:
        DataError: see ``upstream.read_collection``.
    """
    written = []
    for name, table in outcomes.items():
        texts = {
            text_id(prompt.text): prompt.messages
            for prompt in read_collection(directory, name).prompts
        }
        changed = _changed(table, texts, COPIES[name], encoder, progress=progress)
        path = out / f"{name}.parquet"
        write_outcomes(changed, path, ORIGINS[name])
        written.append(path)
        say(f"wrote {path}: {len(changed)} prompts otherwise, {path.stat().st_size} bytes")
    return written


def _changed(
    table: OutcomeTable,
    texts: Mapping[str, tuple[Message, ...]],
    copies: float,
    encoder: Encoder,
    *,
    progress: bool,
) -> OutcomeTable:
    rows, kinds, conversations = [], [], []
    first = {name: row for row, name in reversed(list(enumerate(table.prompt_ids.tolist())))}
    for name, row in first.items():
        # Each prompt has a lot of its own, so that others coming or going do not change it.
        rng = random.Random(f"{_SEED}:{name}")  # noqa: S311 - no secret
        for _ in range(int(copies) + (rng.random() < copies % 1)):
            *before, last = texts[name]
            text, kind = reworded(last.content, rng)
            if text != last.content:
                rows.append(row)
                kinds.append(kind)
                conversations.append((*before, last._replace(content=text)))
    vectors, features = encode_conversations(conversations, encoder, progress=progress)
    nothing = np.empty((len(rows), 0), dtype=np.float32)
    place = np.array(rows, dtype=np.int64)
    return replace(
        table,
        **{name: getattr(table, name)[place] for name in _LABELS},
        flags=np.array(kinds, dtype=np.str_),
        input_tokens=np.array(
            [estimate_conversation_tokens(m.content for m in one) for one in conversations]
        ),
        vectors=vectors,
        features=features,
        models=(),
        quality=nothing,
        output_tokens=nothing,
    )
