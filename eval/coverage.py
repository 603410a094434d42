"""The coverage set: prompts of this project's own, each with the tiers a careful engineer accepts.

Here the file is read and checked, and choices of tiers are judged against the bands; the command
``python -m eval.coverage`` does both for an artifact. Nothing here enters a reported frontier: a
band is one author's judgement, no outcome of a model. data/coverage/README.md says how it was set.
"""

import argparse
import json
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from eval.tables import aligned
from router.catalog import load_catalog
from router.defaults import default_artifact_directory, default_catalog_path
from router.engine import Engine, build_engine
from router.errors import DataError, RouterError
from router.predict.artifact import load_artifact
from router.types import ROLES, Decision, Message, Request

PARTS: tuple[str, str] = ("prior", "test")
EVERYDAY_KINDS = frozenset(
    {"greeting", "translation", "classification", "sentiment", "extraction", "summary"}
)
"""Kinds that must go cheap in any major language, unless a prompt's band says otherwise."""

DEFAULT_PATH = Path("data/coverage/prompts.jsonl")
_TEXT_KEYS = ("id", "kind", "language", "least_tier", "most_tier", "why", "part", "family")
_KEYS = {*_TEXT_KEYS, "difficulty", "messages"}


@dataclass(frozen=True, slots=True)
class CoveragePrompt:
    """One prompt and its band.

    Attributes:
        id: Unique in the file.
        kind: What sort of request, such as "greeting" or "proof".
        language: ISO 639 code of the user's words; "und" where there are none.
        difficulty: 1 (anybody) to 5 (experts).
        messages: The conversation, oldest first.
        least_tier: Lowest tier that is accepted.
        most_tier: Highest tier that is accepted.
        why: The reason for the band, in a sentence.
        part: "prior" (training may use it) or "test" (kept back).
        family: Variants of one idea share it and never stand in both parts.
    """

    id: str
    kind: str
    language: str
    difficulty: int
    messages: tuple[Message, ...]
    least_tier: str
    most_tier: str
    why: str
    part: str
    family: str


@dataclass(frozen=True, slots=True)
class CoverageShare:
    """How many prompts of a slice were sent inside their band, below it and above it."""

    name: str
    prompts: int
    inside: int
    cheaper: int
    dearer: int
    gross: int


@dataclass(frozen=True, slots=True)
class Miss:
    """A prompt sent outside its band."""

    prompt: CoveragePrompt
    chosen_tier: str


@dataclass(frozen=True, slots=True)
class CoverageScore:
    """Choices judged against the bands.

    Attributes:
        overall: All prompts.
        kinds: One share a kind, in the order of the file.
        languages: One share a language, the most frequent first.
        absurdities: Sent to the highest tier though only the lowest is accepted, or the reverse.
        everyday_to_top: Prompts of ``EVERYDAY_KINDS`` sent to the highest tier outside their band.
    """

    overall: CoverageShare
    kinds: tuple[CoverageShare, ...]
    languages: tuple[CoverageShare, ...]
    absurdities: tuple[Miss, ...]
    everyday_to_top: tuple[Miss, ...]


def read_coverage(path: Path) -> tuple[CoveragePrompt, ...]:
    """Read a coverage file, one JSON object a line.

    Raises:
        DataError: The file cannot be read or holds nothing, or lines are wrong; ``problems`` names
            each as ``line N: what``.
    """
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read as UTF-8 text: {error}") from error
    prompts: list[CoveragePrompt] = []
    problems: list[str] = []
    family_places: dict[str, tuple[str, str]] = {}
    ids: set[str] = set()
    for number, line in enumerate(lines, start=1):
        try:
            prompt = _prompt(line)
            _check_place(prompt, ids, family_places)
        except DataError as error:
            problems.append(f"line {number}: {error.message}")
        else:
            prompts.append(prompt)
    if problems:
        raise DataError(
            f"{path}: {len(problems)} of {len(lines)} lines are wrong, first {problems[0]}; "
            "data/coverage/README.md describes the fields",
            problems=problems,
        )
    if not prompts:
        raise DataError(f"{path}: holds no prompt; give one JSON object a line")
    return tuple(prompts)


def score_coverage(
    prompts: Sequence[CoveragePrompt], chosen_tiers: Sequence[str], tier_names: Sequence[str]
) -> CoverageScore:
    """Judge choices of tiers against the bands.

    Args:
        prompts: (n,) at least one.
        chosen_tiers: (n,) the tier each prompt was sent to.
        tier_names: All tiers from lowest to highest, at least two.

    Raises:
        DataError: Lengths differ, nothing is to be judged, or a tier is not among ``tier_names``.
    """
    if not prompts or len(prompts) != len(chosen_tiers) or len(tier_names) < 2:
        raise DataError(
            f"{len(prompts)} prompts, {len(chosen_tiers)} choices and {len(tier_names)} tiers were "
            "given: give at least one prompt, a choice for each, and at least two tiers"
        )
    misses = tuple(
        Miss(prompt, chosen) for prompt, chosen in zip(prompts, chosen_tiers, strict=True)
    )
    rank = {name: position for position, name in enumerate(tier_names)}
    for one in misses:
        _check_tiers(one, rank)
    kinds = dict.fromkeys(prompt.kind for prompt in prompts)
    languages = dict.fromkeys(prompt.language for prompt in prompts)
    by_language = (
        _share(name, (one for one in misses if one.prompt.language == name), rank)
        for name in languages
    )
    return CoverageScore(
        overall=_share("all", misses, rank),
        kinds=tuple(
            _share(name, (one for one in misses if one.prompt.kind == name), rank) for name in kinds
        ),
        languages=tuple(sorted(by_language, key=lambda share: -share.prompts)),
        absurdities=tuple(one for one in misses if _is_gross(one, rank)),
        everyday_to_top=tuple(
            one
            for one in misses
            if one.prompt.kind in EVERYDAY_KINDS
            and one.chosen_tier == tier_names[-1]
            and _side(one, rank) > 0
        ),
    )


def choose_tiers(engine: Engine, prompts: Sequence[CoveragePrompt]) -> list[str]:
    """Route every prompt under the catalog's default goal and return the tiers.

    Raises:
        DataError: A prompt cannot be routed at all.
    """
    decisions = engine.route_many([Request(messages=prompt.messages) for prompt in prompts])
    tiers: list[str] = []
    for prompt, decision in zip(prompts, decisions, strict=True):
        if not isinstance(decision, Decision):
            raise DataError(f"{prompt.id}: no tier may serve this prompt: {decision.message}")
        tiers.append(decision.chosen.deployment.tier)
    return tiers


def coverage_table(score: CoverageScore) -> str:
    """Print shares per kind and per language, then every absurdity with its reason."""
    gross = [f"gross absurdities: {len(score.absurdities)}", *map(_miss_line, score.absurdities)]
    everyday = [
        f"everyday prompts sent to the highest tier: {len(score.everyday_to_top)}",
        *map(_miss_line, score.everyday_to_top),
    ]
    blocks = [
        [_shares("kind", [*score.kinds, score.overall])],
        [_shares("language", score.languages)],
        gross,
        everyday,
    ]
    return "\n\n".join("\n".join(block) for block in blocks)


def main(argv: Sequence[str] | None = None) -> int:
    """Judge an artifact on the coverage set; 0 when it could be judged, 1 when not."""
    parser = argparse.ArgumentParser(prog="python -m eval.coverage", description=__doc__)
    parser.add_argument("--artifact", type=Path, default=default_artifact_directory())
    parser.add_argument("--catalog", type=Path, default=default_catalog_path())
    parser.add_argument("--data", type=Path, default=DEFAULT_PATH, help="coverage file (JSONL)")
    parser.add_argument("--part", choices=PARTS, help="one part only (default both)")
    arguments = parser.parse_args(argv)
    try:
        everything = read_coverage(arguments.data)
        prompts = [one for one in everything if arguments.part in (None, one.part)]
        engine = build_engine(load_artifact(arguments.artifact), load_catalog(arguments.catalog))
        score = score_coverage(prompts, choose_tiers(engine, prompts), engine.catalog.tier_names)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        for problem in getattr(error, "problems", ()):
            print(f"  {problem}", file=sys.stderr)
        return 1
    print(f"artifact {engine.artifact.version}, part {arguments.part or 'all'}, default goal\n")
    print(coverage_table(score))
    return 0
