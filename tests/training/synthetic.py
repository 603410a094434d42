"""Outcomes made by rule, and a catalog for them: what training is tried on in a second.

A prompt has a difficulty in [-1, 1] that both its vector and its features show; a model is adequate
more often the stronger it is and the easier the prompt. Nothing here is random beyond a seed.
"""

import json
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from tiny_encoder import tiny_encoder

from eval.outcomes import OutcomeTable
from router.predict.features import FEATURE_NAMES, FEATURES_VERSION

# The vectors of made-up outcomes are made up too: any encoder of their length will do.
_PLACE = TemporaryDirectory(prefix="encoder-")  # removed when the process ends
ENCODER = Path(_PLACE.name)
for name, content in tiny_encoder().items():
    (ENCODER / name).write_bytes(content)
DIMENSION = 128
N_FEATURES = len(FEATURE_NAMES)
TIERS = {"small": "mini", "medium": "midi", "large": "maxi"}
STRENGTH = {"mini": -1.0, "mini-b": -0.8, "midi": 0.3, "midi-b": 0.5, "maxi": 1.8, "maxi-b": 1.6}
_PRICES = {"small": (0.05, 0.1), "medium": (0.3, 1.2), "large": (3.0, 15.0)}


def write_catalog(path: Path, *, adequate_quality: float = 0.5) -> Path:
    """Write a catalog with a deployment for each tier of ``TIERS``."""
    text = f"""format = 1
name = "made up"
adequate_quality = {adequate_quality}
[default_goal]
willingness_to_pay_usd = 0.03
"""
    for tier, model in TIERS.items():
        text += f'[[tiers]]\nname = "{tier}"\nreference_model = "{model}"\n'
    for tier, model in TIERS.items():
        price_in, price_out = _PRICES[tier]
        text += f"""[[deployments]]
id = "{model}-1"
tier = "{tier}"
kind = "api"
provider = "nobody"
model = "{model}"
context_window_tokens = 32000
max_output_tokens = 4096
[deployments.price]
input_usd_per_mtok = {price_in}
output_usd_per_mtok = {price_out}
as_of = 2026-01-01
source = "made up"
"""
    path.write_text(text, encoding="utf-8")
    return path


def made_up_outcomes(prompts: int = 600, seed: int = 13) -> OutcomeTable:
    """Return outcomes of the six models of ``STRENGTH``; every third prompt has a duplicate."""
    rng = np.random.default_rng(seed)
    group = np.array([f"g{i - i % 3 // 2}" for i in range(prompts)])
    difficulty = rng.uniform(-1, 1, prompts)
    direction = rng.normal(size=DIMENSION)
    direction /= np.linalg.norm(direction)
    vectors = difficulty[:, None] * direction + rng.normal(scale=0.02, size=(prompts, DIMENSION))
    features = rng.normal(size=(prompts, N_FEATURES))
    features[:, 0] = 4 + difficulty + rng.normal(scale=0.1, size=prompts)
    features[:, 5] = difficulty**2
    chance = 1 / (1 + np.exp(4 * difficulty[:, None] - 2 * np.array([*STRENGTH.values()])))
    tokens = np.exp(4 + difficulty[:, None] + rng.normal(scale=0.3, size=chance.shape))
    return OutcomeTable(
        prompt_ids=np.array([f"p{i}" for i in range(prompts)]),
        source=np.full(prompts, "made-up"),
        task=np.where(difficulty > 0, "hard", "easy"),
        subtask=np.full(prompts, ""),
        group=group,
        input_tokens=np.round(np.exp(features[:, 0])),
        vectors=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
        features=features.astype(np.float32),
        models=tuple(STRENGTH),
        quality=(rng.random(chance.shape) < chance).astype(np.float32),
        output_tokens=np.round(tokens).astype(np.float32),
        encoder_sha256=json.loads(tiny_encoder()["encoder.json"])["sha256"],
        features_version=str(FEATURES_VERSION),
    )


def with_quality(table: OutcomeTable, model: str, values: float | np.ndarray) -> OutcomeTable:
    """Return a copy in which one model's quality is something else."""
    quality = table.quality.copy()
    quality[:, table.models.index(model)] = values
    return replace(table, quality=quality)


def shuffled(table: OutcomeTable, rows: np.ndarray, seed: int = 0) -> OutcomeTable:
    """Return a copy in which the outcomes of ``rows`` (mask) are dealt out anew among them."""
    quality, tokens = table.quality.copy(), table.output_tokens.copy()
    at = np.flatnonzero(rows)
    dealt = np.random.default_rng(seed).permutation(at)
    quality[at], tokens[at] = table.quality[dealt], table.output_tokens[dealt]
    return replace(table, quality=quality, output_tokens=tokens)


_THINGS = (
    "anchor", "barrel", "candle", "drawer", "engine", "feather", "garden", "hammer", "island",
    "jacket", "kettle", "ladder", "mirror", "needle", "orchard", "pencil", "quarry", "ribbon",
    "saddle", "tunnel", "umbrella", "valley", "window", "yarn",
)  # fmt: skip
_EASY = (
    "Name the colour of the {} beside the {} near a {}.",
    "Translate into Spanish: my {} and your {} lie on the {}.",
    "Which word rhymes with {}, and is it shorter than {} or {}?",
)
_HARD = (
    (
        "Prove that no schedule of {} and {} repairs is better than a greedy one if "
        "each {} breaks twice a year, and state what you assume:\n\\sum_k a_k^2 <= {}"
    ),
    (
        "Derive a closed form for the ways to colour {} nodes so that no {} touches a {}, then "
        "check it for n = {} by hand:\n\\frac{{n!}}{{k!(n-k)!}}"
    ),
)


def user_records(prompts: int = 400, seed: int = 3) -> list[dict[str, object]]:
    """Return long records as a user has them: short prompts all models can do, long ones few can.

    Three records a prompt, one for each reference model of ``TIERS``.
    """
    rng = np.random.default_rng(seed)
    records: list[dict[str, object]] = []
    for number in range(prompts):
        hard = number % 2
        form = str(rng.choice(_HARD if hard else _EASY))
        words = [*rng.choice(_THINGS, 3, replace=False), number + 20]
        text = f"{form.format(*words)} ({' '.join(rng.choice(_THINGS, 3, replace=False))})"
        chances = (0.1, 0.4, 0.9) if hard else (0.85, 0.9, 0.95)
        for model, chance in zip(TIERS.values(), chances, strict=True):
            records.append(
                {
                    "prompt": text,
                    "model": model,
                    "quality": float(rng.random() < chance),
                    "output_tokens": int(rng.integers(200, 600) if hard else rng.integers(5, 40)),
                    "task": "proofs" if hard else "words",
                }
            )
    return records


def write_jsonl(path: Path, records: list[dict[str, object]]) -> Path:
    """Write one JSON object a line."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path
