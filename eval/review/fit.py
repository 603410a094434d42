"""Fits the heads of a review on recorded answers, in plain NumPy.

Which prompts are used, and with which predictions, is the caller's: nothing may be fitted on what
it is measured on (``eval.review.measure``), and predictions must not have seen their prompts.
"""

from collections.abc import Sequence

import numpy as np

from eval.arrays import BoolArray, FloatArray, IntArray, StrArray
from eval.review.answers import Answers
from eval.split import PARTS, assign_split
from router.errors import DataError
from router.review.final import Kind
from router.review.heads import (
    FirstHeads,
    Head,
    ReviewModel,
    SecondHeads,
    first_rows,
    foreseen_rows,
    scaled,
    seen_rows,
    sigmoid,
)

LEARNT_KINDS = frozenset({Kind.NUMBER, Kind.PHRASE})
"""The kinds of final answers the recorded answers hold enough of."""
RIDGES = (3.0, 10.0, 30.0, 100.0)
REFERENCES = 256
_FEWEST = 200
_STEPS = 10
_INNER_FOLDS = 4


def comparable(answers: Answers) -> BoolArray:
    """Say which answers a review can compare: of a learnt kind, not cut off; (n, m)."""
    learnt = np.isin(answers.kind, [int(kind) for kind in LEARNT_KINDS])
    return np.asarray(learnt & ~answers.truncated & (answers.final_hash != ""))


def agreement(answers: Answers, one: int, other: int) -> BoolArray:
    """Say on which prompts two models' final answers agree, (n,)."""
    both = comparable(answers)[:, [one, other]].all(axis=1)
    same = answers.final_hash[:, one] == answers.final_hash[:, other]
    return np.asarray(both & same)


def fit_review(
    prompts: FloatArray, answers: Answers, adequate: BoolArray, groups: StrArray, seed: int
) -> ReviewModel:
    """Fit all heads.

    Args:
        prompts: (n, 2 * tiers) rows of ``router.review.heads.prompt_rows``, from predictions that
            have not seen these prompts.
        answers: Of the tiers' reference models, in the order of the tiers.
        adequate: (n, tiers) whether each answer was adequate.
        groups: (n,) duplicate groups; the ridge is chosen across them.
        seed: Of the inner folds and the references.

    Raises:
        DataError: fewer than two tiers, or fewer than 200 comparable answers of one of them.
    """
    tiers = len(answers.models)
    usable = comparable(answers)
    if tiers < 2 or usable.sum(axis=0).min() < _FEWEST:
        raise DataError(
            f"{tiers} tiers with {usable.sum(axis=0).tolist()} comparable answers; a review needs "
            f"two tiers and {_FEWEST} answers of each"
        )
    data = _Data(prompts, answers, adequate, usable, groups, seed)
    return ReviewModel(
        tiers=tiers,
        firsts={first: _fit_first(data, first) for first in range(tiers - 1)},
        kinds=LEARNT_KINDS,
        prompts=len(prompts),
    )


class _Data:
    """Everything recorded, with what several heads read."""

    def __init__(
        self,
        prompts: FloatArray,
        answers: Answers,
        adequate: BoolArray,
        usable: BoolArray,
        groups: StrArray,
        seed: int,
    ) -> None:
        self.prompts = prompts
        self.features = answers.features
        self.tokens = np.log1p(answers.output_tokens.astype(np.float64))
        self.adequate = adequate.astype(np.float64)
        self.usable = usable
        self.answers = answers
        self.groups = groups
        self.seed = seed
        self.top = adequate.shape[1] - 1


def _fit_first(data: _Data, first: int) -> FirstHeads:
    known = np.flatnonzero(data.usable[:, first])
    prompts, features = data.prompts[known], data.features[known, first]
    rows = first_rows(prompts, features, first)
    ok = data.adequate[known]
    ridge = choose_ridge(rows, ok[:, first], prompts[:, first], data.groups[known], data.seed)
    draw = np.random.default_rng(data.seed).permutation(len(known))[:REFERENCES]
    return FirstHeads(
        first=fit_head(rows, ok[:, first], prompts[:, first], ridge),
        top=fit_head(rows, ok[:, data.top], prompts[:, data.top], ridge),
        top_tokens=fit_line(rows, data.tokens[known, data.top], ridge),
        seconds={
            second: _fit_second(data, first, second, known, rows)
            for second in range(data.top)
            if second != first
        },
        reference_prompts=prompts[draw],
        reference_features=features[draw],
    )


def _fit_second(
    data: _Data, first: int, second: int, known: IntArray, rows: FloatArray
) -> SecondHeads:
    prompts, ok, groups = data.prompts[known], data.adequate[known], data.groups[known]
    agree = agreement(data.answers, first, second)[known].astype(np.float64)
    columns = (first, second, data.top)
    supposed = foreseen_rows(rows, prompts, agree)
    both = data.usable[known, second]
    seen = seen_rows(
        rows[both], prompts[both], data.features[known][both, second], second, agree[both]
    )
    prior = prompts[:, first]
    ridge = choose_ridge(supposed, ok[:, first], prior, groups, data.seed)
    ridge_seen = choose_ridge(seen, ok[both, first], prior[both], groups[both], data.seed)
    heads = [
        [fit_head(supposed, ok[:, column], prompts[:, column], ridge) for column in columns],
        [fit_head(seen, ok[both, column], prompts[both, column], ridge_seen) for column in columns],
    ]
    return SecondHeads(
        agree=fit_head(rows, agree, np.zeros(len(rows)), ridge),
        foreseen=(heads[0][0], heads[0][1], heads[0][2]),
        seen=(heads[1][0], heads[1][1], heads[1][2]),
        second_tokens=fit_line(rows, data.tokens[known, second], ridge),
        top_tokens_seen=fit_line(seen, data.tokens[known][both, data.top], ridge),
    )


def fit_head(inputs: FloatArray, labels: FloatArray, offset: FloatArray, ridge: float) -> Head:
    """Fit a logistic head to a prior logit by Newton steps on the penalised likelihood.

    Args:
        inputs: (n, d).
        labels: (n,) 0.0 or 1.0.
        offset: (n,) prior logits; with infinite penalty they are what the head says.
        ridge: Penalty, half of it times the squared weights without the intercept; > 0.
    """
    mean, scale = _scale(inputs)
    design = scaled(inputs, mean, scale)
    penalty = _penalty(design, ridge)
    weights = np.zeros(design.shape[1])
    for _ in range(_STEPS):
        probability = sigmoid(design @ weights + offset)
        variance = np.maximum(probability * (1 - probability), 1e-6)
        gradient = design.T @ (labels - probability) - penalty * weights
        curvature = (design * variance[:, None]).T @ design + np.diag(penalty)
        weights = weights + np.linalg.solve(curvature, gradient)
    return Head(mean, scale, weights.astype(np.float64))


def fit_line(inputs: FloatArray, log_tokens: FloatArray, ridge: float) -> Head:
    """Fit ridge regression of log tokens, raised so that tokens are right on average.

    The raise is Duan's smearing estimate (JASA 78, 1983).
    """
    mean, scale = _scale(inputs)
    design = scaled(inputs, mean, scale)
    weights = np.linalg.solve(
        design.T @ design + np.diag(_penalty(design, ridge)), design.T @ log_tokens
    )
    weights[-1] += np.log(np.exp(log_tokens - design @ weights).mean())
    return Head(mean, scale, weights.astype(np.float64))


def choose_ridge(
    inputs: FloatArray,
    labels: FloatArray,
    offset: FloatArray,
    groups: StrArray,
    seed: int,
    ridges: Sequence[float] = RIDGES,
) -> float:
    """Return the penalty of least log loss on held-out groups among the rows given."""
    loss = dict.fromkeys(ridges, 0.0)
    for fold in range(_INNER_FOLDS):
        share = 1.0 / _INNER_FOLDS
        out = assign_split(groups, seed * 100 + fold, (share, 1 - share, 0.0)) == PARTS[0]
        for ridge in ridges:
            head = fit_head(inputs[~out], labels[~out], offset[~out], ridge)
            said = np.clip(head.probability(inputs[out], offset[out]), 1e-6, 1 - 1e-6)
            right = np.where(labels[out] > 0, said, 1 - said)
            loss[ridge] -= float(np.log(right).sum())
    return min(loss, key=lambda ridge: loss[ridge])


def _scale(inputs: FloatArray) -> tuple[FloatArray, FloatArray]:
    scale = inputs.std(axis=0)
    return inputs.mean(axis=0), np.where(scale > 1e-9, scale, 1.0)


def _penalty(design: FloatArray, ridge: float) -> FloatArray:
    penalty = np.full(design.shape[1], ridge)
    penalty[-1] = 1e-3
    return penalty
