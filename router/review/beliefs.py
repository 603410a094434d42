"""What is believed of the answers so far, of those not yet asked for, and of their lengths.

Numbers only; no goal and no price. All arrays have a leading axis of k possible worlds: k = 1 once
an answer is there, several where a first answer is still to come.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from router.review.heads import (
    FirstHeads,
    FloatArray,
    ReviewModel,
    SecondHeads,
    at_reference,
    first_rows,
    foreseen_rows,
    seen_rows,
)

IntArray = NDArray[np.intp]

WORLDS = 32
"""Recorded answers that stand for a first answer to come: those to the most similar prompts."""


class SecondBelief(NamedTuple):
    """What asking a second tier would bring.

    Attributes:
        agree: (k,) P(the answers agree).
        if_agree: (k, 3) P(ok) of first, second and top tier, should they agree.
        if_differ: (k, 3) the same, should they not.
        output_tokens: (k,) of the second tier.
    """

    agree: FloatArray
    if_agree: FloatArray
    if_differ: FloatArray
    output_tokens: FloatArray


class FirstBelief(NamedTuple):
    """What is believed after one answer.

    Attributes:
        first: (k,) P(it is ok).
        top: (k,) P(the top tier's would be).
        top_output_tokens: (k,) of the top tier.
        seconds: By tier that could be asked next.
    """

    first: FloatArray
    top: FloatArray
    top_output_tokens: FloatArray
    seconds: dict[int, SecondBelief]


class PairBelief(NamedTuple):
    """What is believed after two answers: P(ok) of first, second and top; top's tokens."""

    ok: tuple[float, float, float]
    top_output_tokens: float


def believe_first(
    model: ReviewModel, prompt: FloatArray, first: int, features: FloatArray
) -> FirstBelief:
    """Return what is believed after one answer.

    Args:
        model: What was learnt.
        prompt: (2 * tiers,) one row of ``prompt_rows``.
        first: Tier that answered, below the top.
        features: (k, features) its answer's features, in each world.
    """
    heads = model.firsts[first]
    prompts = np.repeat(prompt[None, :], len(features), axis=0)
    rows = first_rows(prompts, features, first)
    return FirstBelief(
        first=heads.first.probability(rows, prompts[:, first]),
        top=heads.top.probability(rows, prompts[:, model.tiers - 1]),
        top_output_tokens=np.expm1(heads.top_tokens.score(rows)),
        seconds={
            second: _believe_second(pair, rows, prompts, (first, second, model.tiers - 1))
            for second, pair in heads.seconds.items()
        },
    )


def believe_plan(model: ReviewModel, prompt: FloatArray, first: int) -> FirstBelief:
    """Return what is believed before any answer, of ``WORLDS`` first answers that may come."""
    heads = model.firsts[first]
    near = nearest_references(heads, prompt)
    features = at_reference(
        prompt, heads.reference_features[near], heads.reference_prompts[near], first
    )
    return believe_first(model, prompt, first, features)


def believe_pair(
    model: ReviewModel,
    prompt: FloatArray,
    tiers: tuple[int, int],
    features: tuple[FloatArray, FloatArray],
    agree: bool,
) -> PairBelief:
    """Return what is believed after two answers.

    Args:
        model: What was learnt.
        prompt: (2 * tiers,) one row of ``prompt_rows``.
        tiers: Who answered first and second, both below the top.
        features: (features,) of each answer.
        agree: Whether the answers agree.
    """
    first, second = tiers
    heads = model.firsts[first].seconds[second]
    prompts = prompt[None, :]
    rows = first_rows(prompts, features[0][None, :], first)
    known = seen_rows(rows, prompts, features[1][None, :], second, np.array([float(agree)]))
    columns = (first, second, model.tiers - 1)
    ok = [
        float(head.probability(known, prompts[:, column])[0])
        for head, column in zip(heads.seen, columns, strict=True)
    ]
    if agree:  # one answer, so one probability
        ok[0] = ok[1] = (ok[0] + ok[1]) / 2
    tokens = float(np.expm1(heads.top_tokens_seen.score(known)[0]))
    return PairBelief((ok[0], ok[1], ok[2]), tokens)


def nearest_references(heads: FirstHeads, prompt: FloatArray) -> IntArray:
    """Return the places of the ``WORLDS`` recorded prompts that were predicted most alike."""
    spread = heads.reference_prompts.std(axis=0)
    far = (heads.reference_prompts - prompt) / np.where(spread > 0, spread, 1.0)
    count = min(WORLDS, len(far))
    return np.argsort((far**2).sum(axis=1), kind="stable")[:count]


def _believe_second(
    heads: SecondHeads, rows: FloatArray, prompts: FloatArray, columns: tuple[int, int, int]
) -> SecondBelief:
    supposed = []
    for agree in (1.0, 0.0):
        known = foreseen_rows(rows, prompts, np.full(len(rows), agree))
        supposed.append(
            np.column_stack(
                [
                    head.probability(known, prompts[:, column])
                    for head, column in zip(heads.foreseen, columns, strict=True)
                ]
            )
        )
    supposed[0][:, :2] = supposed[0][:, :2].mean(axis=1, keepdims=True)  # one answer, so one
    return SecondBelief(
        agree=heads.agree.probability(rows),
        if_agree=supposed[0],
        if_differ=supposed[1],
        output_tokens=np.expm1(heads.second_tokens.score(rows)),
    )
