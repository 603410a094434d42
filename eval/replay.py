"""Runs an artifact over recorded prompts through the engine that serves.

The same estimates and the same policy as in production decide here; only the answer is looked up
instead of asked for. Which rows are held out, and what is computed from a sweep, is decided
elsewhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.baselines import WILLINGNESS_TO_PAY_USD
from eval.outcomes import OutcomeTable, require_inputs
from eval.recorded import Recorded, Sweep
from router.engine import Engine
from router.policy import choose
from router.predict.predictor import predict_recorded
from router.types import Estimate, Goal, Prediction, Request

QUALITY_TARGETS: tuple[float, ...] = tuple(np.linspace(0.0, 1.0, 51).round(2).tolist())
_ANY_REQUEST = Request(messages=())


@dataclass(frozen=True, slots=True)
class Replay:
    """What an artifact predicted and chose on n prompts.

    Attributes:
        adequacy: (n, tiers) predicted probabilities, columns in the catalog's order of tiers.
        trade_off: Sweep over willingness to pay.
        target: Sweep over quality targets.
        default_goal: Sweep of one setting: the catalog's default goal.
        default_tier: (n,) position of the tier chosen under the default goal.
    """

    adequacy: FloatArray
    trade_off: Sweep
    target: Sweep
    default_goal: Sweep
    default_tier: IntArray


def replay(engine: Engine, held_out: OutcomeTable, recorded: Recorded) -> Replay:
    """Route every held-out prompt at every goal.

    Args:
        engine: Artifact and catalog.
        held_out: n prompts with vectors of the artifact's encoder.
        recorded: Their outcomes, in the same order.

    Raises:
        DataError: The vectors were made by another encoder than the artifact's.
        NoCandidateError: A prompt fits no deployment of the catalog.
    """
    require_inputs(held_out, engine.artifact.manifest.encoder_sha256)
    predictions, adequacy = _predict(engine, held_out)
    place = {name: index for index, name in enumerate(recorded.prices.deployment_ids)}
    prompts = list(zip(predictions, held_out.input_tokens.tolist(), strict=True))
    chosen_by_default = np.array(
        [
            [place[engine.decide(_ANY_REQUEST, prediction, tokens).chosen.deployment.id]]
            for prediction, tokens in prompts
        ],
        dtype=np.int64,
    )
    estimates = [_eligible(engine, prediction, tokens) for prediction, tokens in prompts]
    return Replay(
        adequacy=adequacy,
        trade_off=_sweep(
            recorded,
            _choices(estimates, [Goal(None, pay) for pay in WILLINGNESS_TO_PAY_USD], place),
            [f"willingness to pay ${pay:.3g}" for pay in WILLINGNESS_TO_PAY_USD],
            name="router_trade_off",
            title="this router, trade-off rule",
        ),
        target=_sweep(
            recorded,
            _choices(estimates, [Goal(target) for target in QUALITY_TARGETS], place),
            [f"quality target {target:g}" for target in QUALITY_TARGETS],
            name="router_target",
            title="this router, quality-target rule",
        ),
        default_goal=_sweep(
            recorded,
            chosen_by_default,
            [describe_goal(engine.catalog.default_goal)],
            name="router_default",
            title="this router, default goal",
        ),
        default_tier=recorded.prices.tier_index[chosen_by_default[:, 0]],
    )


def describe_goal(goal: Goal) -> str:
    """Say a goal in words."""
    if goal.quality_target is not None:
        words = f"quality target {goal.quality_target:g}"
    elif goal.contract is not None:
        contract = goal.contract
        words = f"contract of {contract.max_loss_rate:g} at confidence {contract.confidence:g}"
        words += ", per topic" * contract.per_topic + ", over reviews" * contract.reviewed
    else:
        words = f"willingness to pay ${goal.willingness_to_pay_usd:g}"
    return words if goal.max_cost_usd is None else f"{words}, at most ${goal.max_cost_usd:g}"


def _predict(engine: Engine, table: OutcomeTable) -> tuple[list[Prediction], FloatArray]:
    predictions = predict_recorded(engine.artifact, table.vectors, table.features)
    return predictions, np.array([one.adequacy for one in predictions])


def _eligible(engine: Engine, prediction: Prediction, input_tokens: float) -> list[Estimate]:
    """Price every deployment for one prompt once, for all goals; none of them limits the cost."""
    estimates = engine.estimator.estimates(_ANY_REQUEST, Goal(), prediction, input_tokens)
    return [estimate for estimate in estimates if not estimate.ineligible]


def _choices(
    estimates: Sequence[Sequence[Estimate]], goals: Sequence[Goal], place: Mapping[str, int]
) -> IntArray:
    """Apply the policy: (n, goals) positions of deployments in the price list."""
    return np.array(
        [[place[choose(row, goal)[0].deployment.id] for goal in goals] for row in estimates],
        dtype=np.int64,
    )


def _sweep(
    recorded: Recorded, choices: IntArray, labels: Sequence[str], *, name: str, title: str
) -> Sweep:
    tiers = recorded.prices.tier_index[choices]
    return Sweep(
        name=name,
        title=title,
        kind="artifact",
        labels=tuple(labels),
        cost_usd=np.take_along_axis(recorded.deployment_cost_usd, choices, axis=1),
        quality=np.take_along_axis(recorded.quality, tiers, axis=1),
    )
