"""Answers made by rule, for reviews: right ones agree, wrong ones rarely do and are longer."""

import numpy as np

from eval.review.answers import Answers
from eval.review.fit import fit_review
from router.review.digest import ANSWER_FEATURE_NAMES
from router.review.final import Kind
from router.review.heads import ReviewModel, prompt_rows

MODELS = ("llama-3-8b-instruct", "claude-3-haiku-20240307", "claude-3-5-sonnet-20240620")


def made_up_answers(
    prompts: int = 600, seed: int = 3, models: tuple[str, ...] = MODELS
) -> tuple[Answers, np.ndarray, np.ndarray]:
    """Return answers, and the adequacy and output tokens a predictor would say, (n, tiers)."""
    rng = np.random.default_rng(seed)
    ease = rng.normal(1.0, 1.5, prompts)
    adequacy = 1 / (1 + np.exp(-(ease[:, None] + np.linspace(-1.0, 2.0, len(models)))))
    right = rng.random(adequacy.shape) < adequacy
    tokens = np.round(80 * np.exp(rng.normal(0, 0.2, right.shape)) * np.where(right, 1.0, 1.5))
    features = np.zeros((*right.shape, len(ANSWER_FEATURE_NAMES)))
    features[..., 0] = np.log1p(tokens)
    features[..., ANSWER_FEATURE_NAMES.index("final_is_number")] = 1.0
    finals = np.where(right, "right", "wrong")
    finals = np.char.add(finals, np.where(right, 0, rng.integers(0, 50, right.shape)).astype(str))
    answers = Answers(
        prompt_ids=np.array([f"p{i}" for i in range(prompts)]),
        models=models,
        kind=np.full(right.shape, int(Kind.NUMBER)),
        final_hash=np.char.add("p", finals),
        features=features,
        output_tokens=tokens.astype(np.int64),
        truncated=np.zeros(right.shape, dtype=bool),
        quality=right.astype(np.float64),
        cosine=np.ones((*right.shape, len(models))),
    )
    return answers, adequacy, np.full(right.shape, 90.0)


def made_up_review() -> ReviewModel:
    """Return a review fitted on ``made_up_answers``."""
    answers, adequacy, tokens = made_up_answers()
    rows = prompt_rows(adequacy, tokens)
    return fit_review(rows, answers, answers.quality > 0.5, answers.prompt_ids, seed=0)
