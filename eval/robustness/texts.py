"""Prompts to be changed: the project's own, or texts of yours that are read and forgotten."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from eval.coverage_file import read_coverage
from eval.outcomes import read_outcomes
from eval.split import assign_split
from router.defaults import sample_prompts_path
from router.errors import DataError
from router.types import Message


@dataclass(frozen=True, slots=True)
class Prompts:
    """Conversations (n,) and the group of each, within which prompts are alike."""

    conversations: tuple[tuple[Message, ...], ...]
    groups: tuple[str, ...]


def own_prompts(coverage: Path, part: str) -> Prompts:
    """Return one part of the coverage set and, beside its test part, the sample prompts."""
    prompts = [one for one in read_coverage(coverage) if one.part == part]
    conversations = [one.messages for one in prompts]
    groups = [one.family for one in prompts]
    if part == "test":
        lines = sample_prompts_path().read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines):
            conversations.append((Message("user", json.loads(line)["prompt"]),))
            groups.append(f"sample:{number}")
    return Prompts(tuple(conversations), tuple(groups))


def outcome_prompts(
    texts: Sequence[Path],
    outcomes: Sequence[Path],
    *,
    part: str,
    split_seed: int,
    most: int,
    seed: int,
) -> Prompts:
    """Return texts whose outcomes lie in one part of the split, at most so many, drawn at random.

    Args:
        texts: Parquet files with a column prompt, or directories with an ``outcomes.parquet``.
        outcomes: The numbers made from them, which know each prompt's duplicate group; a prompt
            is found again by the hash of its text.
        part: "train", "validation" or "test".
        split_seed: Of the artifact's split.
        most: Greatest number of prompts.
        seed: Of the draw.

    Raises:
        DataError: nothing there, the column is missing, or no text belongs to the part.
    """
    table = read_outcomes(outcomes)
    inside = assign_split(table.group, split_seed) == part
    group_of = dict(
        zip(table.prompt_ids[inside].tolist(), table.group[inside].tolist(), strict=True)
    )
    found: dict[str, str] = {}
    for path in texts:
        file = path / "outcomes.parquet" if path.is_dir() else path
        for text in _texts(file):
            name = hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]
            if name in group_of:
                found[name] = text
    if not found:
        raise DataError(
            f"none of the texts in {', '.join(map(str, texts))} is in part {part!r} of the "
            "outcomes: give the texts those outcomes were made from"
        )
    names = sorted(found)
    if len(names) > most:
        chosen = np.random.default_rng(seed).choice(len(names), most, replace=False)
        names = [names[place] for place in sorted(chosen.tolist())]
    return Prompts(
        tuple((Message("user", found[name]),) for name in names),
        tuple(group_of[name] for name in names),
    )


def _texts(file: Path) -> set[str]:
    try:
        return {
            text for text in pq.read_table(file, columns=["prompt"])["prompt"].to_pylist() if text
        }
    except (OSError, ValueError, KeyError) as error:
        raise DataError(
            f"{file}: cannot be read as Parquet with a column prompt: {error}"
        ) from error
