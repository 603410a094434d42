"""Outcomes that fit the shared tiny engine, and one evaluation of them that tests look at."""

import numpy as np
import pytest

from eval.evaluate import evaluate
from eval.outcomes import OutcomeTable
from eval.recorded import Recorded, recorded_outcomes
from eval.results import Results
from router.engine import Engine
from router.predict.features import FEATURE_NAMES


def made_up_outcomes(engine: Engine, prompts: int = 240, seed: int = 5) -> OutcomeTable:
    """Two tasks; the lowest tier fails on half of the hard one, the highest seldom."""
    rng = np.random.default_rng(seed)
    dimension = engine.artifact.encoder.info.dimension
    vectors = rng.normal(size=(prompts, dimension)).astype(np.float32)
    features = np.zeros((prompts, len(FEATURE_NAMES)), dtype=np.float32)
    features[:, 0] = rng.uniform(3, 8, prompts)
    hard = rng.random(prompts) < 0.5
    right = np.where(hard[:, None], (0.2, 0.5, 0.8), (0.7, 0.8, 0.9))
    return OutcomeTable(
        prompt_ids=np.array([f"p{i}" for i in range(prompts)]),
        source=np.full(prompts, "made-up"),
        task=np.where(hard, "hard", "easy"),
        subtask=np.full(prompts, ""),
        group=np.array([f"g{i // 2 if i < 40 else i}" for i in range(prompts)]),
        input_tokens=np.round(np.exp(features[:, 0].astype(np.float64)) / 4),
        vectors=vectors / np.linalg.norm(vectors, axis=1, keepdims=True),
        features=features,
        models=tuple(tier.reference_model for tier in engine.catalog.tiers),
        quality=(rng.random((prompts, 3)) < right).astype(np.float32),
        output_tokens=rng.integers(20, 400, (prompts, 3)).astype(np.float32),
        encoder_sha256=engine.artifact.manifest.encoder_sha256,
    )


@pytest.fixture(scope="session")
def outcomes(engine: Engine) -> OutcomeTable:
    return made_up_outcomes(engine)


@pytest.fixture(scope="session")
def recorded(engine: Engine, outcomes: OutcomeTable) -> Recorded:
    return recorded_outcomes(outcomes, engine.catalog)


@pytest.fixture(scope="session")
def results(engine: Engine, outcomes: OutcomeTable) -> Results:
    return evaluate(engine, outcomes, seed=3, draws=40, command="python -m eval run ...")
