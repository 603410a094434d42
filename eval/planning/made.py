"""A log of traffic from held-out prompts: real predictions and outcomes at made-up times.

For trying things out before there is traffic of one's own. Prompts are drawn with replacement from
the part no training has seen; when they come is a drawn wave with bursts.
"""

import json
from collections.abc import Iterator

import numpy as np

from eval.outcomes import OutcomeTable
from eval.pools.traffic import Scenario
from router.engine import Engine
from router.predict.predictor import predict_recorded


def made_lines(
    engine: Engine, held_out: OutcomeTable, scenario: Scenario, requests: int, seed: int
) -> Iterator[str]:
    """Yield about so many lines of a log, in the order of time.

    Args:
        engine: Whose artifact predicts.
        held_out: Prompts with outcomes of every tier, columns in the catalog's order.
        scenario: When they come; its level is scaled to the number of requests.
        requests: Expected number, >= 1.
        seed: Of everything that is drawn.
    """
    rng = np.random.default_rng(seed)
    grid = np.arange(0.0, scenario.seconds, 1.0)
    level = scenario.shape(grid, rng)
    counts = rng.poisson(level * requests / level.sum())
    at = np.sort(np.repeat(grid, counts) + rng.uniform(0, 1, counts.sum()))
    is_known = np.asarray(np.isfinite(held_out.output_tokens).all(axis=1), dtype=np.bool_)
    held_out = held_out.select(is_known)
    names = engine.artifact.tier_names
    predictions = predict_recorded(engine.artifact, held_out.vectors, held_out.features)
    inputs, outputs = held_out.input_tokens.tolist(), held_out.output_tokens.tolist()
    qualities = held_out.quality.tolist()

    def by_tier(values: tuple[float, ...] | list[float], digits: int) -> dict[str, float]:
        return {name: round(value, digits) for name, value in zip(names, values, strict=True)}

    for when, one in zip(at.tolist(), rng.integers(0, len(held_out), at.size), strict=True):
        content = {
            "unix_s": round(when, 3),
            "input_tokens": inputs[one],
            "predicted_reward": by_tier(predictions[one].adequacy, 4),
            "predicted_output_tokens": by_tier(predictions[one].output_tokens, 1),
            "output_tokens": by_tier(outputs[one], 1),
            "quality": by_tier(qualities[one], 4),
        }
        yield json.dumps(content, allow_nan=False)
