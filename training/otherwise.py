"""Prompts written otherwise, as pairs of inputs: what a decision should not depend on.

A greeting before a question, a quotation mark around it or a benchmark's "Answer:" below it move
the inputs and leave the difficulty. Outcome tables hold no texts, so such changes are made of the
project's own prompts and their effect on the inputs is carried over to other prompts of about the
same length. Wordings here are others than those ``eval.robustness`` measures with.
"""

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.coverage_file import read_coverage
from router.defaults import sample_prompts_path
from router.predict.encoder import TextEncoder
from router.predict.features import FEATURE_NAMES
from router.predict.window import window
from router.types import Message
from training.labels import Float32Matrix

COPIES = 3
"""How many times each of the project's own prompts is written otherwise."""

_NEIGHBOURS = 60

_OPENINGS = (
    "Hi there, I have a small request.", "Good morning!", "Hey, quick one for you:",
    "Dear assistant,", "I would appreciate your assistance with the matter below.",
    "Kannst du mir bitte helfen?", "Bonjour, j'ai besoin d'aide.", "Hola, una consulta:",
    "Sorry to bother you again.", "Can you take care of this one, please?",
)  # fmt: skip
_CLOSINGS = (
    "Cheers!", "Many thanks, I appreciate it.", "Danke schön!", "Merci d'avance.", "Gracias.",
    "Kind regards, Robin", "That would be lovely.", "Let me know if anything is unclear.",
)  # fmt: skip
_TALK = (
    "My train was late again this morning.", "The weather has finally turned.",
    "A friend mentioned this the other day.", "I have been meaning to ask for a while.",
    "We are still waiting for the coffee machine to be repaired.",
    "It came up during a walk with the dog.", "I am not in a rush at all.",
    "Everybody in the office had another opinion.", "I wrote it down so that I would not forget.",
    "It is for something we are putting together next month.",
    "By the way, the new chairs are comfortable.", "I will read it later this evening.",
)  # fmt: skip
_WRAPPERS = (
    "Task:\n{}\n\nSolution:", "Q: {}\nA:", "### Instruction\n{}\n\n### Response\n",
    "Below is an exercise. Solve it.\n\n{}", "{}\n\nReply with a single letter.",
    "{}\n\nGive only the final result.", "{}\n\nThink carefully before you reply.",
    "{}\n\nReason it through one step after another, then conclude.",
    '{}\n\nReturn an object such as {{"explanation": "...", "result": "..."}}.',
    '{}\n\nOutput format: {{"final": ""}}', "[INST] {} [/INST]", "User: {}\nAssistant:",
)  # fmt: skip
_QUOTES = ("'{}'", '"{}"', "“{}”", "«{}»", "```\n{}\n```", "> {}", "({})")

Change = Callable[[str, random.Random], str]


def _talk(text: str, rng: random.Random) -> str:
    talk = " ".join(rng.sample(_TALK, rng.randint(1, 5)))
    return f"{talk}\n\n{text}" if rng.random() < 0.4 else f"{text}\n\n{talk}"


def _padded(text: str, rng: random.Random) -> str:
    return f"{text}\n{rng.choice('_#!+:/') * rng.randint(30, 600)}"


_CHANGES: tuple[Change, ...] = (
    lambda text, rng: f"{rng.choice(_OPENINGS)}\n{text}",
    lambda text, rng: f"{text}\n{rng.choice(_CLOSINGS)}",
    lambda text, rng: f"{rng.choice(_OPENINGS)}\n\n{text}\n\n{rng.choice(_CLOSINGS)}",
    lambda text, rng: rng.choice(_WRAPPERS).format(text),
    lambda text, rng: rng.choice(_QUOTES).format(text),
    lambda text, rng: text.lower(),
    lambda text, rng: text.upper(),
    lambda text, rng: text.title(),
    lambda text, rng: text.rstrip(".?!"),
    _talk,
    _talk,
    _padded,
)


@dataclass(frozen=True, slots=True)
class Pairs:
    """Inputs of prompts as they are and written otherwise; both float32 (m, d)."""

    before: Float32Matrix
    after: Float32Matrix
    dimension: int

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
        window((*one[:-1], one[-1]._replace(content=_changed(one[-1].content, rng))))
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


def _changed(text: str, rng: random.Random) -> str:
    """Apply one change, or two in one case of three."""
    for change in rng.sample(_CHANGES, 2 if rng.random() < 1 / 3 else 1):
        text = change(text, rng)
    return text
