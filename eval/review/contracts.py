"""Contracts over reviewed answers, simulated on the prompts that have recorded answers.

Three ways to keep one: not to review; to review what the contract chose, which never adds a loss;
and a contract over reviews, plan included, a policy of its own with the willingness to pay as its
dial. Every answer is paid at its recorded length. Cross-fitted as ``eval.review.measure``; losses
are drawn as in ``eval.promise``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray
from eval.promise.draws import ALWAYS_TOP, DELTA, learn_then_test, with_interval
from eval.recorded import Sweep
from eval.review.prepare import Prepared
from eval.review.replay import given_answers
from router.promise.contract import DEFAULT_GRID
from router.promise.rule import losses_on_grid, lowest_permitted, realised_loss
from router.review.heads import ReviewModel
from router.review.look import look
from router.review.rule import Action
from router.types import Goal

LABELS = 1000
RESAMPLES, DRAWS_EACH = 200, 25


@dataclass(frozen=True, slots=True)
class Policy:
    """A policy at g settings, the most cautious first, always top last, on n prompts.

    Attributes:
        name: For tables.
        counted: (n, g) losses as its calibration counts them.
        lost: (n, g + 1) losses as they fall.
        cost_usd: (n, g + 1) of all answers asked for.
        answers: (n, g + 1) how many.
    """

    name: str
    counted: FloatArray
    lost: FloatArray
    cost_usd: FloatArray
    answers: FloatArray


def policies(
    data: Prepared, model_of: Callable[[int], ReviewModel], reviewed: Sweep, adequate_quality: float
) -> list[Policy]:
    """Return the three ways.

    Args:
        data: Prompts.
        model_of: The review of a prompt's row; one that was not fitted on it.
        reviewed: What a review paid and scored at each willingness to pay, lowest first.
        adequate_quality: Least quality of an adequate answer.
    """
    adequacy = data.predictions.adequacy
    adequate = data.recorded.quality >= adequate_quality
    loss = realised_loss(adequate)
    cost = data.recorded.cost_usd
    counted = losses_on_grid(adequacy, loss, DEFAULT_GRID, "any")
    first = np.column_stack([lowest_permitted(adequacy, t) for t in DEFAULT_GRID])
    kept = _kept(first, _regret_after(data, model_of))
    top = cost.shape[1] - 1
    own_loss, own_cost = (np.take_along_axis(values, first, axis=1) for values in (loss, cost))
    more = np.where(kept, 0.0, cost[:, [top]])
    always = (np.zeros(len(cost)), cost[:, top], np.ones(len(cost)))
    swept_lost = (reviewed.quality < adequate_quality) & adequate[:, [top]]
    backward = slice(None, None, -1)
    return [
        Policy(
            "not reviewed", counted, *_with(always, own_loss, own_cost, np.ones(own_cost.shape))
        ),
        Policy(
            "reviewed",
            counted,
            *_with(always, own_loss * kept, own_cost + more, 2.0 - kept),
        ),
        Policy(
            "over reviews",
            swept_lost[:, backward].astype(np.float64),
            *_with(
                always,
                swept_lost[:, backward].astype(np.float64),
                reviewed.cost_usd[:, backward],
                np.full(reviewed.cost_usd.shape, np.nan),
            ),
        ),
    ]


def contract_lines(
    found: Sequence[Policy], rows: BoolArray, targets: Sequence[float], draws: int, seed: int
) -> list[str]:
    """Say of each way how often the contract is broken, what is lost and what it costs.

    Args:
        found: See ``policies``.
        rows: (n,) prompts that are the traffic, labels and truth.
        targets: Promised risks.
        draws: Simulated calibrations.
        seed: Of all draws. Cost intervals are 95 %, by prompt; the difference is paired.
    """
    lines = [
        "| target | way | broken | lost | answers | cost | more than not reviewed |",
        "|---|---|---|---|---|---|---|",
    ]
    size = int(rows.sum())
    for alpha in targets:
        base: FloatArray | None = None
        base_mean = 0.0
        for policy in found:
            rng = np.random.default_rng(seed)
            flat = np.full(size, 1 / size)
            chosen = _calibrated(policy, rows, flat, alpha, draws, rng)
            risk = policy.lost[rows].mean(axis=0)
            counted = np.append(policy.counted[rows].mean(axis=0), 0.0)
            mean = _cost_share(policy, rows, flat)[chosen].mean()
            again = _resampled(policy, rows, alpha, np.random.default_rng(seed + 1))
            if base is None:
                base, base_mean = again, mean
            more = "-" if policy is found[0] else with_interval(mean - base_mean, again - base, "+")
            broken = (risk if policy.name == "reviewed" else counted)[chosen] > alpha
            answers = policy.answers[rows].mean(axis=0)[chosen].mean()
            lines.append(
                f"| {alpha:g} | {policy.name} | {broken.mean():.3f} | {risk[chosen].mean():.3f} "
                f"| {'-' if np.isnan(answers) else f'{answers:.2f}'} "
                f"| {with_interval(mean, again)} | {more} |"
            )
    return lines


def _with(
    always: tuple[FloatArray, ...], *columns: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    lost, cost_usd, answers = (
        np.column_stack((values, last)) for values, last in zip(columns, always, strict=True)
    )
    return lost, cost_usd, answers


def _regret_after(data: Prepared, model_of: Callable[[int], ReviewModel]) -> FloatArray:
    """Return the regret of keeping each lower tier's answer once it is known, (n, tiers - 1).

    Infinite where the answer is not usable.
    """
    tiers = data.recorded.cost_usd.shape[1]
    regret = np.full((len(data.candidates), tiers - 1), np.inf)
    any_goal = Goal(quality_target=0.0)
    for row, one in enumerate(data.candidates):
        given = given_answers(data.answers, row)
        model = model_of(row)
        for tier in range(tiers - 1):
            branches = look(model, one, [given[tier]], any_goal).branches
            kept = [x.quality for x in branches if x.action is Action.ACCEPT]
            asked = [
                x.quality for x in branches if x.action is Action.ESCALATE and x.tier == one.top
            ]
            if kept:
                regret[row, tier] = asked[0] - kept[0]
    return regret


def _kept(first: IntArray, regret_after: FloatArray) -> FloatArray:
    """Return 1 where the first answer is kept, (n, g); the top tier's always is."""
    top = regret_after.shape[1]
    padded = np.column_stack((regret_after, np.full(len(regret_after), -np.inf)))
    regret = np.take_along_axis(padded, first, axis=1)
    kept: FloatArray = ((first == top) | (regret <= np.array(DEFAULT_GRID))).astype(np.float64)
    return kept


def _calibrated(
    policy: Policy,
    rows: BoolArray,
    weight: FloatArray,
    alpha: float,
    draws: int,
    rng: np.random.Generator,
) -> IntArray:
    counts = rng.multinomial(LABELS, weight, size=draws)
    totals = np.rint(counts @ policy.counted[rows]).astype(np.int64)
    return learn_then_test(totals, LABELS, alpha, DELTA)


def _cost_share(policy: Policy, rows: BoolArray, weight: FloatArray) -> FloatArray:
    cost = weight @ policy.cost_usd[rows]
    share: FloatArray = cost / cost[ALWAYS_TOP]
    return share


def _resampled(
    policy: Policy, rows: BoolArray, alpha: float, rng: np.random.Generator
) -> FloatArray:
    """Return the mean cost share on resampled prompts, (resamples,), alike for every policy."""
    size = int(rows.sum())
    found = []
    for _ in range(RESAMPLES):
        weight = rng.multinomial(size, np.full(size, 1 / size)) / size
        chosen = _calibrated(policy, rows, weight, alpha, DRAWS_EACH, rng)
        found.append(_cost_share(policy, rows, weight)[chosen].mean())
    return np.array(found)
