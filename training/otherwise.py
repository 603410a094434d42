"""Prompts written otherwise, as pairs of inputs: what a decision should not depend on.

A greeting before a question, a quotation mark around it or a benchmark's "Answer:" below it move
the inputs and leave the difficulty. Of the project's own prompts the texts are at hand; of the
bundled ones the changed inputs were recorded (``training.sources.otherwise``); to all others the
difference is carried over from a pair of about the same length. The wordings are
``training.wordings``.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from eval.arrays import StrArray
from eval.coverage_file import read_coverage
from eval.outcomes import OutcomeTable, read_outcomes, require_inputs
from router.defaults import sample_prompts_path
from router.predict.encoder import TextEncoder
from router.predict.features import FEATURE_NAMES
from router.predict.window import window
from router.types import Message
from training.labels import Float32Matrix
from training.wordings import reworded

COPIES = 24
"""How many times each of the project's own prompts is written otherwise."""

_NEIGHBOURS = 60


@dataclass(frozen=True, slots=True)
class Pairs:
    """Inputs of prompts as they are and written otherwise.

    Attributes:
        before: float32 (m, d).
        after: float32 (m, d).
        dimension: Width of the vector part of the inputs.
        prompt_ids: (m,) of bundled prompts, as in their outcome table, whose outcomes hold for the
            prompt written otherwise too; "" for the project's own. Left out = "" everywhere.
    """

    before: Float32Matrix
    after: Float32Matrix
    dimension: int
    prompt_ids: StrArray = field(default_factory=lambda: np.empty(0, dtype=np.str_))

    def __post_init__(self) -> None:
        if len(self.prompt_ids) == 0:
            object.__setattr__(self, "prompt_ids", np.full(len(self.before), "", dtype=np.str_))

    def __len__(self) -> int:
        return len(self.before)

    def joined(self, other: "Pairs") -> "Pairs":
        """Return the pairs of both, these first."""
        return Pairs(
            np.concatenate([self.before, other.before]),
            np.concatenate([self.after, other.after]),
            self.dimension,
            np.concatenate([self.prompt_ids, other.prompt_ids]),
        )

    def carry_over(self, inputs: Float32Matrix, generator: np.random.Generator) -> Float32Matrix:
        """Return inputs moved as a pair of about the same length was, float32 (n, d).

        Text features are moved by the difference and kept at 0 or above; the vector too, and is
        brought back to unit length.
        """
        length = self.dimension + FEATURE_NAMES.index("log_chars")
        order = np.argsort(self.before[:, length], kind="stable")
        place = np.searchsorted(self.before[order, length], inputs[:, length])
        beside = generator.integers(-_NEIGHBOURS, _NEIGHBOURS + 1, len(inputs))
        pair = order[np.clip(place + beside, 0, len(order) - 1)]
        moved = inputs + self.after[pair] - self.before[pair]
        vectors, features = moved[:, : self.dimension], moved[:, self.dimension :]
        norm = np.linalg.norm(vectors, axis=1, keepdims=True)
        unit = vectors / np.maximum(norm, 1e-6)
        return np.hstack([unit, np.maximum(features, 0.0)]).astype(np.float32)


def training_pairs(
    conversations: Sequence[tuple[Message, ...]],
    encoder: TextEncoder,
    seed: int,
    *,
    recorded: Path | None,
    table: OutcomeTable,
    held_out: StrArray,
    tell: Callable[[str], None],
) -> Pairs:
    """Return own prompts written otherwise, then those recorded of bundled prompts, if any.

    Args:
        conversations: Own prompts, see ``written_otherwise``.
        encoder: Makes the inputs.
        seed: Of the choice of changes.
        recorded: Directory of recorded inputs, see ``recorded_pairs``; None for none.
        table: Outcomes.
        held_out: Names of duplicate groups that are left out.
        tell: Told how many there are.

    Raises:
        DataError: see ``recorded_pairs``.
    """
    own = written_otherwise(conversations, encoder, seed)
    if recorded is None:
        return own
    bundled = recorded_pairs(recorded, table, held_out)
    tell(f"{len(own)} own and {len(bundled)} bundled prompts written otherwise")
    return own.joined(bundled)


def written_otherwise(
    conversations: Sequence[tuple[Message, ...]], encoder: TextEncoder, seed: int
) -> Pairs:
    """Write the last turn of every conversation otherwise, ``COPIES`` times each.

    Args:
        conversations: At least one, each with a last message from the user.
        encoder: Makes the inputs, as for any other prompt.
        seed: Of the choice of changes.
    """
    rng = random.Random(seed)  # noqa: S311 - no secret
    before = [window(one) for one in conversations for _ in range(COPIES)]
    after = [
        window((*one[:-1], one[-1]._replace(content=reworded(one[-1].content, rng)[0])))
        for one in conversations
        for _ in range(COPIES)
    ]
    return Pairs(
        np.hstack(encoder.encode(before)), np.hstack(encoder.encode(after)), encoder.info.dimension
    )


def own_conversations(coverage: Path | None) -> list[tuple[Message, ...]]:
    """Return the sample prompts and the prior part of a coverage file, if one is given."""
    lines = sample_prompts_path().read_text(encoding="utf-8").splitlines()
    samples: list[tuple[Message, ...]] = [
        (Message("user", json.loads(line)["prompt"]),) for line in lines
    ]
    if coverage is None:
        return samples
    return samples + [one.messages for one in read_coverage(coverage) if one.part == "prior"]


def recorded_pairs(path: Path, table: OutcomeTable, held_out: StrArray) -> Pairs:
    """Return recorded inputs of bundled prompts written otherwise, beside the prompts as they are.

    Args:
        path: Directory of files that ``training.sources.otherwise`` wrote.
        table: Outcomes; prompts that are not in it are left out.
        held_out: Names of duplicate groups that are left out.

    Returns:
        (m,) pairs in the order of the files, m >= 0.

    Raises:
        DataError: no such file, or one of another encoder or other text features.
    """
    dimension = table.vectors.shape[1]
    fits = np.flatnonzero(~np.isin(table.group, held_out))
    row_of = {name: int(row) for name, row in zip(table.prompt_ids[fits], fits, strict=True)}
    recorded = read_outcomes(path)
    known = np.array([name in row_of for name in recorded.prompt_ids], dtype=bool)
    if not known.any():
        # Whose prompts are others may use another encoder: these files do not concern them.
        nothing = np.empty((0, dimension + table.features.shape[1]), dtype=np.float32)
        return Pairs(nothing, nothing, dimension)
    require_inputs(recorded, table.encoder_sha256)
    recorded = recorded.select(known)
    rows = np.array([row_of[name] for name in recorded.prompt_ids], dtype=np.int64)
    return Pairs(
        np.hstack([table.vectors[rows], table.features[rows]]),
        np.hstack([recorded.vectors, recorded.features]),
        dimension,
        recorded.prompt_ids,
    )
