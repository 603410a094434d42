"""``make data``: the collected outcomes, turned into the numbers that ship in data/outcomes.

Here is the order of work. Groups are made over all sources at once, so that a prompt standing in
two of them can never be on two sides of a split.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.outcomes import OutcomeTable, write_outcomes
from router.predict.features import FEATURES_VERSION
from training.sources.groups import duplicate_groups
from training.sources.origins import ORIGINS
from training.sources.table import Encoder, encode_conversations, text_id
from training.sources.upstream import Collection, read_collection


@dataclass(frozen=True, slots=True)
class BundledFile:
    """One file that was written."""

    path: Path
    prompts: int
    models: int
    outcomes: int
    groups: int
    size_bytes: int


def bundle(
    directory: Path,
    encoder: Encoder,
    out: Path,
    *,
    sources: Sequence[str] = tuple(ORIGINS),
    progress: bool = False,
    say: Callable[[str], None] = lambda _: None,
) -> list[BundledFile]:
    """Write ``out/<source>.parquet`` for each source; the same input gives the same bytes.

    Args:
        directory: holds ``<source>/outcomes.parquet``, see ``upstream``.
        encoder: makes vectors and features.
        out: directory of the files; made if need be.
        sources: names out of ``ORIGINS``.
        progress: Show bars on stderr.
        say: takes a line for each step.

    Raises:
        DataError: see ``upstream.read_collection``.
    """
    collections = [read_collection(directory, name) for name in sources]
    for collection in collections:
        say(f"read {collection.name}: {len(collection.prompts)} prompts")
    prompts = [prompt for collection in collections for prompt in collection.prompts]
    groups = duplicate_groups(
        [prompt.question for prompt in prompts],
        [text_id(prompt.text) for prompt in prompts],
        linked=[prompt.link for prompt in prompts],
        progress=progress,
    )
    say(f"grouped {len(prompts)} prompts into {len(set(groups))} duplicate groups")
    written: list[BundledFile] = []
    start = 0
    for collection in collections:
        stop = start + len(collection.prompts)
        table = _table(collection, groups[start:stop], encoder, progress=progress)
        path = out / f"{collection.name}.parquet"
        write_outcomes(table, path, ORIGINS[collection.name])
        written.append(_describe(table, path))
        say(f"wrote {path}: {written[-1].outcomes} outcomes, {written[-1].size_bytes} bytes")
        start = stop
    return written


def _table(
    collection: Collection, groups: Sequence[str], encoder: Encoder, *, progress: bool
) -> OutcomeTable:
    prompts = collection.prompts
    vectors, features = encode_conversations(
        [prompt.messages for prompt in prompts], encoder, progress=progress
    )
    return OutcomeTable(
        prompt_ids=np.array([text_id(prompt.text) for prompt in prompts], dtype=np.str_),
        source=np.array([collection.name] * len(prompts), dtype=np.str_),
        task=np.array([prompt.task for prompt in prompts], dtype=np.str_),
        subtask=np.array([prompt.subtask for prompt in prompts], dtype=np.str_),
        group=np.array(groups, dtype=np.str_),
        input_tokens=np.array([prompt.input_tokens for prompt in prompts]),
        vectors=vectors,
        features=features,
        models=collection.models,
        quality=collection.quality,
        output_tokens=collection.output_tokens,
        encoder_sha256=encoder.encoder_sha256,
        features_version=str(FEATURES_VERSION),
        flags=np.array(["|".join(prompt.flags) for prompt in prompts], dtype=np.str_),
    )


def _describe(table: OutcomeTable, path: Path) -> BundledFile:
    return BundledFile(
        path=path,
        prompts=len(table),
        models=len(table.models),
        outcomes=int(np.isfinite(table.quality).sum()),
        groups=len(set(table.group.tolist())),
        size_bytes=path.stat().st_size,
    )
