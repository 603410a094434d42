"""Knowing the task is told apart from knowing the prompt."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.figures import resamples
from eval.knowledge import ADEQUATE, GAIN, Event, events, task_knowledge
from eval.metrics import auroc
from eval.recorded import Recorded
from eval.results import Results

TASKS = np.array(["easy"] * 4 + ["hard"] * 4)
HAPPENED = np.array([True, True, True, False, True, False, False, False])


def event(predicted: np.ndarray) -> Event:
    told = np.where(TASKS == "easy", 0.75, 0.25)
    return Event("gain", HAPPENED, predicted, told)


@pytest.fixture
def draws(recorded: Recorded):
    weights = np.full((3, 8), 1 / 8)
    return resamples(recorded_rows(recorded), weights)


def recorded_rows(recorded: Recorded) -> Recorded:
    return Recorded(
        recorded.tiers,
        recorded.quality[:8],
        recorded.output_tokens[:8],
        recorded.cost_usd[:8],
        recorded.deployment_cost_usd[:8],
        recorded.prices,
    )


def test_who_knows_the_task_only_is_a_coin_within_tasks(draws) -> None:
    told = event(np.where(TASKS == "easy", 0.9, 0.1))
    found = task_knowledge(told, TASKS, draws)
    assert found.within_task.value == 0.5
    assert found.pooled.value == found.task_mean_pooled.value == 0.75
    assert [one.auroc.value for one in found.tasks] == [0.5, 0.5]
    assert [one.happened for one in found.tasks] == [0.75, 0.25]


def test_who_knows_every_prompt_is_right_within_tasks_too(draws) -> None:
    found = task_knowledge(event(HAPPENED.astype(np.float64)), TASKS, draws)
    assert found.within_task.value == found.pooled.value == 1.0


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=8, max_size=8))
def test_inside_one_task_the_figure_is_the_plain_auroc(scores: list[float]) -> None:
    predicted = np.array(scores)
    one_task = np.full(8, "all")
    weights = np.full((2, 8), 1 / 8)
    from eval.figures import Resamples

    found = task_knowledge(event(predicted), one_task, Resamples(weights, np.zeros(2), ()))
    assert found.within_task.value == pytest.approx(auroc(predicted, HAPPENED))
    assert found.tasks[0].auroc.value == pytest.approx(found.pooled.value)


def test_a_task_where_the_event_never_differs_has_no_auroc(draws) -> None:
    always = Event("gain", np.ones(8, dtype=np.bool_), np.arange(8.0), np.arange(8.0))
    found = task_knowledge(always, TASKS, draws)
    assert np.isnan(found.within_task.value)


def test_the_gain_and_every_tier_are_foreseen(recorded: Recorded) -> None:
    flat = np.zeros(recorded.quality.shape)
    found = events(recorded, 0.5, flat, flat)
    assert [one.name for one in found] == [GAIN, *(ADEQUATE + tier for tier in recorded.tiers)]
    gained = (recorded.quality[:, -1] >= 0.5) & (recorded.quality[:, 0] < 0.5)
    assert found[0].happened.tolist() == gained.tolist()


def test_an_evaluation_says_it_for_the_gain_and_every_tier_and_task(results: Results) -> None:
    assert len(results.task_knowledge) == 1 + len(results.tiers)
    for one in results.task_knowledge:
        assert [task.task for task in one.tasks] == [task.task for task in results.tasks]
