"""Make the texts of the benchmark from the project's own: prompts, code, documents, drawn data.

Eleven kinds, as docs/tokens.md lists them. Reads the checkout, so it runs from its root; a change
of code or documents changes what it makes, which is why the result is committed.
"""

import json
import random
from collections.abc import Iterator
from pathlib import Path

from eval.coverage import DEFAULT_PATH as COVERAGE

LANGUAGES_OF_KIND = {
    "english": ("en",),
    "west european": ("de", "fr", "es", "it", "pt", "nl"),
    "slavic": ("pl", "ru", "uk"),
    "chinese, japanese, korean": ("zh", "ja", "ko"),
    "arabic, hebrew, persian": ("ar", "he", "fa"),
    "hindi, bengali, thai": ("hi", "bn", "th"),
}
_LEAST_CHARS = {"english": 700, "west european": 500, "chinese, japanese, korean": 150}
_LEAST_CHARS_ELSE = 300
_TEXTS = 24
_HERE = Path(__file__).parent


def compose(seed: int) -> Iterator[tuple[str, str]]:
    """Yield (kind, text), at most ``_TEXTS`` of a kind; a seed and a checkout give the same."""
    rng = random.Random(seed)  # noqa: S311 - texts, not secrets
    prompts = [json.loads(line) for line in COVERAGE.read_text(encoding="utf-8").splitlines()]
    for kind, languages in LANGUAGES_OF_KIND.items():
        texts = [
            text
            for language in languages
            for text in _joined(_prompts(prompts, language), rng, _least_chars(kind))
        ]
        rng.shuffle(texts)
        yield from ((kind, text) for text in texts[:_TEXTS])
    for kind, pattern in (("python", "router/**/*.py"), ("markdown", "docs/**/*.md")):
        files = sorted(path for path in Path().glob(pattern) if "_pb2" not in path.name)
        for path in rng.sample(files, _TEXTS):
            yield kind, _piece(path.read_text(encoding="utf-8"), rng)
    for text in (_HERE / "javascript.txt").read_text(encoding="utf-8").split("%%\n"):
        yield "javascript", text
    for place in range(_TEXTS):
        yield "json", _json(rng, pretty=place % 2 == 0)
        yield "csv of numbers", _csv(rng)


def _prompts(prompts: list[dict[str, object]], language: str) -> list[str]:
    return [
        "\n".join(message["content"] for message in row["messages"])  # type: ignore[attr-defined]
        for row in prompts
        if row["language"] == language
    ]


def _least_chars(kind: str) -> int:
    return _LEAST_CHARS.get(kind, _LEAST_CHARS_ELSE)


def _joined(prompts: list[str], rng: random.Random, least: int) -> Iterator[str]:
    """Join prompts to texts of a hundred tokens or a few."""
    rng.shuffle(prompts)
    text = ""
    for prompt in prompts:
        text = f"{text}\n\n{prompt[: 4 * least]}" if text else prompt[: 4 * least]
        if len(text) >= least:
            yield text
            text = ""


def _piece(text: str, rng: random.Random) -> str:
    start = rng.randrange(max(len(text) - 1500, 1))
    return text[start : start + rng.randrange(700, 1500)]


def _json(rng: random.Random, *, pretty: bool) -> str:
    plants = ("fern", "moss", "birch", "willow", "juniper", "clover", "thistle")
    beds = [
        {
            "bedNumber": rng.randrange(1, 400),
            "plant": rng.choice(plants),
            "watered_at": f"2026-0{rng.randrange(1, 10)}-1{rng.randrange(10)}T08:30",
            "litres": round(rng.uniform(0.2, 40.0), rng.randrange(1, 4)),
            "isCovered": rng.random() < 0.5,
            "sensors": [rng.randrange(1000) for _ in range(rng.randrange(4))],
            "gardener": {"initials": "ABCDEFGH"[rng.randrange(8)], "shift": None},
        }
        for _ in range(rng.randrange(3, 9))
    ]
    return json.dumps(beds, indent=2) if pretty else json.dumps(beds, separators=(",", ":"))


def _csv(rng: random.Random) -> str:
    width, digits = rng.randrange(3, 9), rng.randrange(1, 5)
    rows = [",".join(f"sensor_{column}" for column in range(width))]
    for _ in range(rng.randrange(15, 50)):
        scale = 10 ** rng.randrange(5)
        rows.append(",".join(f"{rng.uniform(-1, 9) * scale:.{digits}f}" for _ in range(width)))
    return "\n".join(rows)
