"""Recorded answers put through the review that serves: what each policy would have cost and scored.

Every answer that is asked for is paid at its recorded length. Beliefs do not depend on a goal, so
each prompt's are made once; choosing is then repeated at every willingness to pay.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.review.answers import Answers
from router.review.candidates import Candidates
from router.review.digest import Digest
from router.review.final import Kind
from router.review.heads import ReviewModel
from router.review.look import Finish, GivenAnswer, Memo, look
from router.review.plan import Plan, foresee, plan
from router.review.rule import Action
from router.types import Goal


@dataclass(frozen=True, slots=True)
class Replayed:
    """n prompts at s settings: USD paid for every answer, quality kept, answers asked for."""

    cost_usd: FloatArray
    quality: FloatArray
    answers: IntArray


def given_answers(answers: Answers, row: int) -> list[GivenAnswer]:
    """Return one prompt's recorded answers, one per tier, as a caller would report them."""
    return [
        GivenAnswer(
            tier,
            Finish.LENGTH if answers.truncated[row, tier] else Finish.STOP,
            Digest(
                kind=Kind(int(answers.kind[row, tier])),
                final_hash=str(answers.final_hash[row, tier]),
                features=tuple(answers.features[row, tier].tolist()),
                token_count=int(answers.output_tokens[row, tier]),
            ),
        )
        for tier in range(len(answers.models))
    ]


def replay_review(
    model_of: Callable[[int], ReviewModel],
    candidates: Sequence[Candidates],
    answers: Answers,
    plain: IntArray,
    cost_usd: FloatArray,
    quality: FloatArray,
    pays: Sequence[float],
    progress: Callable[[str], None] = lambda _: None,
) -> Replayed:
    """Plan, ask, review and ask again, until an answer is accepted.

    Args:
        model_of: The review of a prompt's row; one that was not fitted on it.
        candidates: (n) what was decided on each prompt.
        answers: Recorded answers, of the tiers' reference models in their order.
        plain: (n, settings) tier chosen without a review.
        cost_usd: (n, tiers) recorded cost.
        quality: (n, tiers) recorded quality.
        pays: (settings) USD.
        progress: Told how far it is.
    """
    shape = (len(candidates), len(pays))
    result = Replayed(np.zeros(shape), np.zeros(shape), np.zeros(shape, dtype=np.int64))
    for row, one in enumerate(candidates):
        if row % 500 == 0:
            progress(f"{row} of {len(candidates)} prompts reviewed")
        given = given_answers(answers, row)
        model = model_of(row)
        beliefs = foresee(model, one)
        memo: Memo = {}
        for column, pay in enumerate(pays):
            goal = Goal(willingness_to_pay_usd=pay)
            start = plan(beliefs, one, int(plain[row, column]), goal)
            asked, kept = follow(model, one, given, start, goal, memo)
            result.cost_usd[row, column] = cost_usd[row, asked].sum()
            result.quality[row, column] = quality[row, kept]
            result.answers[row, column] = len(asked)
    return result


def follow(
    model: ReviewModel,
    candidates: Candidates,
    given: Sequence[GivenAnswer],
    start: Plan,
    goal: Goal,
    memo: Memo,
) -> tuple[list[int], int]:
    """Return the tiers asked, in order, and the one whose answer is kept."""
    asked = [start.first]
    while start.review:
        so_far = [given[tier] for tier in asked]
        branch = look(model, candidates, so_far, goal, memo=memo).branch
        if branch.action in (Action.ACCEPT, Action.GIVE_UP):
            return asked, branch.tier
        asked.append(branch.tier)
    return asked, start.first
