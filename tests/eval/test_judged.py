"""Parts of a cross-validation, judged one by one, count as the whole."""

import numpy as np
import pytest

from eval.judged import join, judge
from eval.outcomes import OutcomeTable
from router.engine import Engine
from router.errors import DataError


@pytest.fixture(scope="module")
def halves(outcomes: OutcomeTable) -> tuple[OutcomeTable, OutcomeTable]:
    rows = np.arange(len(outcomes))
    return outcomes.select(rows < 100), outcomes.select(rows >= 100)


def test_joined_parts_hold_every_prompt_once_in_the_order_of_the_parts(
    engine: Engine, halves: tuple[OutcomeTable, OutcomeTable], outcomes: OutcomeTable
) -> None:
    one, other = halves
    joined = join([judge(engine, one, other), judge(engine, other, one)])
    assert joined.test.prompt_ids.tolist() == outcomes.prompt_ids.tolist()
    assert joined.recorded.quality.shape == outcomes.quality.shape
    assert {sweep.cost_usd.shape[0] for sweep in joined.sweeps} == {len(outcomes)}
    assert joined.told_by_task.shape == outcomes.quality.shape


def test_one_artifact_decides_the_same_whether_judged_whole_or_in_parts(
    engine: Engine, halves: tuple[OutcomeTable, OutcomeTable], outcomes: OutcomeTable
) -> None:
    one, other = halves
    joined = join([judge(engine, one, other), judge(engine, other, one)])
    whole = judge(engine, outcomes, outcomes)
    np.testing.assert_array_equal(joined.routed.adequacy, whole.routed.adequacy)
    np.testing.assert_array_equal(joined.routed.trade_off.cost_usd, whole.routed.trade_off.cost_usd)
    np.testing.assert_array_equal(joined.routed.default_tier, whole.routed.default_tier)


def test_a_task_is_told_by_its_known_prompts_only(
    engine: Engine, halves: tuple[OutcomeTable, OutcomeTable]
) -> None:
    one, other = halves
    judged = judge(engine, one, other)
    hard = other.quality[other.task == "hard"] >= engine.catalog.adequate_quality
    expected = hard.mean(axis=0)
    first_hard = int(np.flatnonzero(one.task == "hard")[0])
    np.testing.assert_allclose(judged.told_by_task[first_hard], expected)


def test_nothing_to_join_is_refused() -> None:
    with pytest.raises(DataError, match="no judged part to join"):
        join([])
