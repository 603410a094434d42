"""Choices of tiers judged against the bands of the coverage set: shares and gross absurdities.

Only judging is here; ``eval.coverage_file`` reads the set, ``eval.coverage`` routes and prints. A
share inside the band is no quality: a band is one author's judgement.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from eval.coverage_file import CoveragePrompt
from router.errors import DataError

EVERYDAY_KINDS = frozenset(
    {"greeting", "translation", "classification", "sentiment", "extraction", "summary"}
)
"""Kinds that must go cheap in any major language, unless a prompt's band says otherwise."""


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
class Choice:
    """A prompt and the tier it was sent to."""

    prompt: CoveragePrompt
    chosen_tier: str


@dataclass(frozen=True, slots=True)
class CoverageScore:
    """Choices judged against the bands.

    Attributes:
        overall: All prompts.
        must_go_cheap: Prompts whose band leaves out the highest tier. Always-highest scores 0 here.
        must_not_go_cheap: Prompts whose band leaves out the lowest tier. Always-lowest scores 0.
        kinds: One share a kind, in the order of the file.
        languages: One share a language, the most frequent first.
        absurdities: Sent to the highest tier though only the lowest is accepted, or the reverse.
        everyday_to_top: Prompts of ``EVERYDAY_KINDS`` sent to the highest tier outside their band.
    """

    overall: CoverageShare
    must_go_cheap: CoverageShare
    must_not_go_cheap: CoverageShare
    kinds: tuple[CoverageShare, ...]
    languages: tuple[CoverageShare, ...]
    absurdities: tuple[Choice, ...]
    everyday_to_top: tuple[Choice, ...]


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
    choices = tuple(
        Choice(prompt, chosen) for prompt, chosen in zip(prompts, chosen_tiers, strict=True)
    )
    rank = {name: position for position, name in enumerate(tier_names)}
    for one in choices:
        _check_tiers(one, rank)
    kinds = dict.fromkeys(prompt.kind for prompt in prompts)
    languages = dict.fromkeys(prompt.language for prompt in prompts)
    by_language = (
        _share(name, (one for one in choices if one.prompt.language == name), rank)
        for name in languages
    )
    return CoverageScore(
        overall=_share("all", choices, rank),
        must_go_cheap=_share(
            "must go cheap",
            (one for one in choices if one.prompt.most_tier != tier_names[-1]),
            rank,
        ),
        must_not_go_cheap=_share(
            "must not go cheap",
            (one for one in choices if one.prompt.least_tier != tier_names[0]),
            rank,
        ),
        kinds=tuple(
            _share(name, (one for one in choices if one.prompt.kind == name), rank)
            for name in kinds
        ),
        languages=tuple(sorted(by_language, key=lambda share: -share.prompts)),
        absurdities=tuple(one for one in choices if _is_gross(one, rank)),
        everyday_to_top=tuple(
            one
            for one in choices
            if one.prompt.kind in EVERYDAY_KINDS
            and one.chosen_tier == tier_names[-1]
            and _side(one, rank) > 0
        ),
    )


def _check_tiers(choice: Choice, rank: Mapping[str, int]) -> None:
    prompt = choice.prompt
    for name in (choice.chosen_tier, prompt.least_tier, prompt.most_tier):
        if name not in rank:
            raise DataError(f"{prompt.id}: tier {name!r} is none of {', '.join(rank)}")
    if rank[prompt.least_tier] > rank[prompt.most_tier]:
        raise DataError(
            f"{prompt.id}: least_tier {prompt.least_tier!r} stands above most_tier "
            f"{prompt.most_tier!r}; the tiers are, from the lowest, {', '.join(rank)}"
        )


def _side(choice: Choice, rank: Mapping[str, int]) -> int:
    """Return -1 below the band, 0 inside, 1 above."""
    chosen = rank[choice.chosen_tier]
    above = chosen > rank[choice.prompt.most_tier]
    return int(above) - int(chosen < rank[choice.prompt.least_tier])


def _is_gross(choice: Choice, rank: Mapping[str, int]) -> bool:
    chosen, top = rank[choice.chosen_tier], len(rank) - 1
    too_dear = chosen == top and rank[choice.prompt.most_tier] == 0
    return too_dear or (chosen == 0 and rank[choice.prompt.least_tier] == top)


def _share(name: str, choices: Iterable[Choice], rank: Mapping[str, int]) -> CoverageShare:
    listed = list(choices)
    sides = [_side(one, rank) for one in listed]
    return CoverageShare(
        name=name,
        prompts=len(listed),
        inside=sides.count(0),
        cheaper=sides.count(-1),
        dearer=sides.count(1),
        gross=sum(_is_gross(one, rank) for one in listed),
    )
