"""How an artifact treats the coverage set: ``python -m eval.coverage [--part test]``.

The set is read in ``eval.coverage_file`` and judged in ``eval.coverage_score``, both offered again
here; this file routes the prompts and prints the tables. Nothing of it enters a reported frontier:
data/coverage/README.md says what the set is worth.
"""

import argparse
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from eval.coverage_file import PARTS, CoveragePrompt, read_coverage
from eval.coverage_score import (
    EVERYDAY_KINDS,
    Choice,
    CoverageScore,
    CoverageShare,
    score_coverage,
)
from eval.tables import aligned
from router.catalog import load_catalog
from router.defaults import default_artifact_directory, default_catalog_path
from router.engine import Engine, build_engine
from router.errors import DataError, RouterError
from router.predict.artifact import load_artifact
from router.types import Decision, Request

__all__ = [
    "EVERYDAY_KINDS",
    "PARTS",
    "Choice",
    "CoveragePrompt",
    "CoverageScore",
    "CoverageShare",
    "choose_tiers",
    "coverage_table",
    "main",
    "read_coverage",
    "score_coverage",
]

DEFAULT_PATH = Path("data/coverage/prompts.jsonl")


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


def coverage_table(score: CoverageScore, constants: Iterable[CoverageShare] = ()) -> str:
    """Print shares per kind and per language, then every absurdity with its reason.

    Args:
        score: What to print.
        constants: Shares of always choosing one tier, to compare with.
    """
    sides = [score.must_go_cheap, score.must_not_go_cheap]
    blocks = [
        [_shares("kind", score.kinds)],
        [_shares("language", score.languages)],
        [_shares("together", [score.overall, *sides, *constants])],
        [f"gross absurdities: {len(score.absurdities)}", *map(_line, score.absurdities)],
        [
            f"everyday prompts sent to the highest tier: {len(score.everyday_to_top)}",
            *(f"  {one.prompt.id} [{one.prompt.language}]" for one in score.everyday_to_top),
        ],
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
        tiers = engine.catalog.tier_names
        score = score_coverage(prompts, choose_tiers(engine, prompts), tiers)
        constants = [_always(prompts, tier, tiers) for tier in tiers]
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        for problem in getattr(error, "problems", ()):
            print(f"  {problem}", file=sys.stderr)
        return 1
    print(f"artifact {engine.artifact.version}, part {arguments.part or 'all'}, default goal\n")
    print(coverage_table(score, constants))
    return 0


def _always(
    prompts: Sequence[CoveragePrompt], tier: str, tier_names: Sequence[str]
) -> CoverageShare:
    overall = score_coverage(prompts, [tier] * len(prompts), tier_names).overall
    return replace(overall, name=f"(always {tier})")


def _shares(head: str, shares: Iterable[CoverageShare]) -> str:
    rows = [
        [
            one.name,
            str(one.prompts),
            f"{one.inside / one.prompts:.0%}" if one.prompts else "-",
            str(one.cheaper),
            str(one.dearer),
            str(one.gross),
        ]
        for one in shares
    ]
    return aligned([[head, "prompts", "in band", "below", "above", "gross"], *rows])


def _line(choice: Choice) -> str:
    prompt = choice.prompt
    return (
        f"  {prompt.id} [{prompt.language}] to {choice.chosen_tier}, accepted {prompt.least_tier} "
        f"to {prompt.most_tier}: {prompt.why}"
    )


if __name__ == "__main__":
    sys.exit(main())
