"""A weak prior from prompts written for this project: kinds of work the outcomes do not hold.

Public outcomes are tests: no greeting, translation or short summary among them, so a predictor that
learnt from them alone finds such prompts hard. The prior part of data/coverage says which tier a
careful engineer would accept. Here those bands become a few training examples; they are never
validated, calibrated or evaluated on, and no figure of a frontier contains them.
"""

from pathlib import Path

import numpy as np

from eval.coverage_file import CoveragePrompt, read_coverage
from router.predict.encoder import TextEncoder
from router.predict.window import window
from training.labels import Examples

COPIES = 4
"""How often a prompt of the prior stands among the training examples: its weight."""

SHARE_BELOW = 0.25
"""Share of the copies in which the tier just below the least acceptable one counts as adequate."""


def prior_examples(path: Path, encoder: TextEncoder, tiers: tuple[str, ...]) -> Examples:
    """Return the prior part of a coverage file as examples.

    A tier at or above the least acceptable one counts as adequate, the tier just below it in a
    ``SHARE_BELOW`` of the copies, and lower tiers never. Lengths are unknown.

    Args:
        path: Coverage file.
        encoder: Makes the inputs, as for any other prompt.
        tiers: Names of the tiers, lowest first.

    Raises:
        DataError: the file is refused.
    """
    prompts = [one for one in read_coverage(path) if one.part == "prior"]
    vectors, features = encoder.encode([window(one.messages) for one in prompts])
    shares = np.array([_share_adequate(one, tiers) for one in prompts])
    # Copy k of COPIES is adequate where the share reaches the middle of its step.
    copies = [(shares >= (copy + 0.5) / COPIES).astype(np.float64) for copy in range(COPIES)]
    return Examples(
        inputs=np.tile(np.hstack([vectors, features]).astype(np.float32), (COPIES, 1)),
        adequate=np.concatenate(copies),
        peer_quality=np.tile(shares, (COPIES, 1)),
        output_tokens=np.full((COPIES * len(prompts), len(tiers)), np.nan),
        groups=np.array([f"coverage:{one.family}" for one in prompts] * COPIES),
    )


def tiers_named(path: Path) -> set[str]:
    """Return the names of the tiers a coverage file's bands speak of."""
    prompts = read_coverage(path)
    return {one.least_tier for one in prompts} | {one.most_tier for one in prompts}


def join_examples(one: Examples, other: Examples) -> Examples:
    """Return the rows of both."""
    return Examples(
        np.concatenate([one.inputs, other.inputs]),
        np.concatenate([one.adequate, other.adequate]),
        np.concatenate([one.peer_quality, other.peer_quality]),
        np.concatenate([one.output_tokens, other.output_tokens]),
        np.concatenate([one.groups, other.groups]),
    )


def _share_adequate(prompt: CoveragePrompt, tiers: tuple[str, ...]) -> list[float]:
    least = tiers.index(prompt.least_tier)
    below = [0.0] * max(least - 1, 0) + [SHARE_BELOW] * (least > 0)
    return [*below, *[1.0] * (len(tiers) - least)]
