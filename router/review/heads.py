"""Small calibrated heads over what is known so far, and the row of numbers each of them reads.

A head corrects the predictor's adequacy by evidence: its logit is the predictor's logit plus a
weighted sum, so without evidence it says what the predictor says. Fitting is
``training.review``; what is done with the numbers is ``router.review.beliefs``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.review.digest import ANSWER_FEATURE_NAMES
from router.review.final import Kind

FloatArray = NDArray[np.float64]

FARTHEST = 4.0
"""Scaled inputs beyond this say no more."""
LEAST_ADEQUACY = 0.01
_LOG_TOKENS = ANSWER_FEATURE_NAMES.index("log_tokens")


@dataclass(frozen=True, slots=True)
class Head:
    """One linear head.

    Attributes:
        mean: (d,) subtracted from the inputs.
        scale: (d,) the rest is divided by, > 0; then cut at +-``FARTHEST``.
        weights: (d + 1,) on the scaled inputs, intercept last.
    """

    mean: FloatArray
    scale: FloatArray
    weights: FloatArray

    def score(self, inputs: FloatArray) -> FloatArray:
        """Return (n,) scores of (n, d) inputs."""
        return scaled(inputs, self.mean, self.scale) @ self.weights

    def probability(self, inputs: FloatArray, offset: FloatArray | float = 0.0) -> FloatArray:
        """Return (n,) probabilities of (n, d) inputs and (n,) prior logits."""
        return sigmoid(self.score(inputs) + offset)


class SecondHeads(NamedTuple):
    """Heads for one first and one second tier; "ok" ones give adequacy, in tier order.

    Attributes:
        agree: P(the answers agree | the first answer).
        foreseen: First, second and top tier ok, given the first answer and whether they agree.
        seen: The same, given both answers.
        second_tokens: Log output tokens of the second tier, given the first answer.
        top_tokens_seen: Log output tokens of the top tier, given both answers.
    """

    agree: Head
    foreseen: tuple[Head, Head, Head]
    seen: tuple[Head, Head, Head]
    second_tokens: Head
    top_tokens_seen: Head


class FirstHeads(NamedTuple):
    """Heads for one tier that is asked first.

    Attributes:
        first: P(its answer is ok | it).
        top: P(the top tier's answer is ok | it).
        top_tokens: Log output tokens of the top tier, given the answer.
        seconds: By tier, what a second answer adds.
        reference_prompts: (r, 2 * tiers) prompt rows of recorded prompts.
        reference_features: (r, features) the tier's answer features on them.
    """

    first: Head
    top: Head
    top_tokens: Head
    seconds: Mapping[int, SecondHeads]
    reference_prompts: FloatArray
    reference_features: FloatArray


@dataclass(frozen=True, slots=True)
class ReviewModel:
    """Everything learnt about second looks for the tiers of one artifact.

    Attributes:
        tiers: Number of tiers; the last one is the top.
        firsts: By tier below the top.
        kinds: Kinds of final answers it has learnt from; others it says nothing about.
        prompts: Prompts it was fitted on.
    """

    tiers: int
    firsts: Mapping[int, FirstHeads]
    kinds: frozenset[Kind]
    prompts: int


def sigmoid(logit: FloatArray) -> FloatArray:
    """Return 1 / (1 + exp(-logit)) without overflow."""
    probability: FloatArray = 0.5 * (1.0 + np.tanh(0.5 * logit))
    return probability


def logit_of(adequacy: Sequence[float] | FloatArray) -> FloatArray:
    """Return logits of probabilities, which are cut to [0.01, 0.99] first."""
    cut = np.clip(np.asarray(adequacy, dtype=np.float64), LEAST_ADEQUACY, 1 - LEAST_ADEQUACY)
    logit: FloatArray = np.log(cut / (1 - cut))
    return logit


def scaled(inputs: FloatArray, mean: FloatArray, scale: FloatArray) -> FloatArray:
    """Return the (n, d + 1) design of (n, d) inputs: standardised, cut, and a column of ones."""
    cut = np.clip((inputs - mean) / scale, -FARTHEST, FARTHEST)
    return np.column_stack((cut, np.ones(len(cut))))


def prompt_rows(adequacy: FloatArray, output_tokens: FloatArray) -> FloatArray:
    """Return (n, 2 * tiers): logits of adequacy, then log output tokens, both (n, tiers)."""
    return np.hstack((logit_of(adequacy), np.log1p(output_tokens)))


def first_rows(prompts: FloatArray, features: FloatArray, first: int) -> FloatArray:
    """Return what heads read after one answer.

    Args:
        prompts: (n, 2 * tiers), see ``prompt_rows``.
        features: (n, features) of the first answer.
        first: Its tier.
    """
    tiers = prompts.shape[1] // 2
    longer = features[:, _LOG_TOKENS] - prompts[:, tiers + first]
    return np.column_stack((prompts, features, longer))


def agreement_columns(prompts: FloatArray, agree: FloatArray) -> FloatArray:
    """Return (n, 1 + tiers): whether answers agree, and that times the logits of adequacy."""
    tiers = prompts.shape[1] // 2
    return np.column_stack((agree, agree[:, None] * prompts[:, :tiers]))


def foreseen_rows(first: FloatArray, prompts: FloatArray, agree: FloatArray) -> FloatArray:
    """Return what heads read after one answer, supposing that a second one agrees or not."""
    return np.hstack((first, agreement_columns(prompts, agree)))


def seen_rows(
    first: FloatArray, prompts: FloatArray, features: FloatArray, second: int, agree: FloatArray
) -> FloatArray:
    """Return what heads read after two answers; ``features`` are the second answer's."""
    tiers = prompts.shape[1] // 2
    longer = features[:, _LOG_TOKENS] - prompts[:, tiers + second]
    return np.column_stack((first, features, longer, agreement_columns(prompts, agree)))


def at_reference(
    prompt: FloatArray, features: FloatArray, reference_prompts: FloatArray, first: int
) -> FloatArray:
    """Return recorded answers' features as if they answered ``prompt``.

    The length keeps its ratio to what was predicted for it; the rest is taken as it is.
    """
    tiers = prompt.size // 2
    moved = features.copy()
    moved[:, _LOG_TOKENS] += prompt[tiers + first] - reference_prompts[:, tiers + first]
    return moved
