"""Replay decides as the serving engine does."""

from dataclasses import replace

import numpy as np
import pytest

from eval.outcomes import OutcomeTable
from eval.recorded import Recorded
from eval.replay import QUALITY_TARGETS, Replay, describe_goal, replay
from router.engine import Engine
from router.errors import DataError
from router.types import Contract, Goal, Prediction, Request


@pytest.fixture(scope="module")
def routed(engine: Engine, outcomes: OutcomeTable, recorded: Recorded) -> Replay:
    return replay(engine, outcomes, recorded)


@pytest.mark.parametrize("setting", [0, 20, 30, 49])
def test_every_choice_is_the_one_engine_decide_makes(
    engine: Engine, outcomes: OutcomeTable, recorded: Recorded, routed: Replay, setting: int
) -> None:
    adequacy, output_tokens = engine.artifact.heads.run(outcomes.vectors, outcomes.features)
    request = Request(messages=(), goal=Goal(QUALITY_TARGETS[setting]))
    for row in range(0, len(outcomes), 17):
        prediction = Prediction(tuple(adequacy[row].tolist()), tuple(output_tokens[row].tolist()))
        chosen = engine.decide(request, prediction, float(outcomes.input_tokens[row])).chosen
        place = recorded.prices.deployment_ids.index(chosen.deployment.id)
        tier = engine.catalog.tier_names.index(chosen.deployment.tier)
        assert routed.target.cost_usd[row, setting] == recorded.deployment_cost_usd[row, place]
        assert routed.target.quality[row, setting] == recorded.quality[row, tier]


def test_a_higher_goal_never_costs_less_in_expectation(routed: Replay) -> None:
    costs = routed.trade_off.cost_usd.mean(axis=0)
    assert costs[0] == costs.min()
    assert costs[-1] > costs[0]


def test_the_default_goal_is_one_setting_with_its_tiers(
    routed: Replay, recorded: Recorded, engine: Engine
) -> None:
    assert routed.default_goal.labels == (describe_goal(engine.catalog.default_goal),)
    rows = np.arange(len(recorded.quality))
    np.testing.assert_array_equal(
        routed.default_goal.quality[:, 0], recorded.quality[rows, routed.default_tier]
    )


def test_vectors_of_another_encoder_are_refused(
    engine: Engine, outcomes: OutcomeTable, recorded: Recorded
) -> None:
    with pytest.raises(DataError, match="make data"):
        replay(engine, replace(outcomes, encoder_sha256="f" * 64), recorded)


def test_a_goal_is_said_in_words() -> None:
    assert describe_goal(Goal(0.8)) == "quality target 0.8"
    assert describe_goal(Goal(contract=Contract(0.05))) == "contract of 0.05 at confidence 0.9"
    assert describe_goal(Goal(None, 0.02, 0.5)) == "willingness to pay $0.02, at most $0.5"
