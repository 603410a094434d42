"""Cross-validation: every prompt once, groups whole, nothing logged."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from synthetic import ENCODER

from eval.outcomes import Origin, OutcomeTable, write_outcomes
from eval.results import Results
from eval.split import fold_of_groups
from router.errors import TrainingError
from training.crossval import cross_validate
from training.settings import Settings

SETTINGS = Settings(encoder=ENCODER, draws=20, candidate="logistic", distil=False, prior=None)


@pytest.fixture(scope="module")
def settings(
    tmp_path_factory: pytest.TempPathFactory, made_up: OutcomeTable, made_up_catalog_file: Path
) -> Settings:
    path = tmp_path_factory.mktemp("crossval") / "outcomes.parquet"
    write_outcomes(made_up, path, Origin("made up", "-", "-"))
    return replace(SETTINGS, data=str(path), catalog=made_up_catalog_file)


def test_a_group_never_stands_in_two_folds_and_folds_are_about_equal() -> None:
    groups = np.array([f"g{i % 400}" for i in range(1000)])
    fold = fold_of_groups(groups, seed=3, folds=5)
    of_group: dict[str, set[int]] = {}
    for group, number in zip(groups.tolist(), fold.tolist(), strict=True):
        of_group.setdefault(group, set()).add(number)
    assert all(len(numbers) == 1 for numbers in of_group.values())
    sizes = Counter(fold.tolist())
    assert sorted(sizes) == [0, 1, 2, 3, 4]
    assert min(sizes.values()) > 120


def test_another_seed_deals_out_other_folds() -> None:
    groups = np.array([f"g{i}" for i in range(300)])
    assert fold_of_groups(groups, 0, 4).tolist() != fold_of_groups(groups, 1, 4).tolist()


@pytest.fixture(scope="module")
def validated(settings: Settings) -> tuple[Results, list[str]]:
    """Return what a cross-validation gave and what it said."""
    said: list[str] = []
    return cross_validate(settings, 2, "a test", said.append), said


def test_every_prompt_is_judged_once_by_an_artifact_that_never_saw_it(
    validated: tuple[Results, list[str]], made_up: OutcomeTable
) -> None:
    results, said = validated
    assert results.provenance.prompts_held_out == len(made_up)
    assert results.provenance.artifact_version.count("+") == 1
    assert "Cross-validation" in results.provenance.notes[0]
    assert [line for line in said if line.startswith("fold ")] == ["fold 1 of 2", "fold 2 of 2"]


def test_the_same_seed_gives_the_same_results(
    settings: Settings, validated: tuple[Results, list[str]]
) -> None:
    one, other = validated[0], cross_validate(settings, 2, "a test")
    assert one.provenance == other.provenance
    assert one.routers[0] == other.routers[0]
    assert one.calibration == other.calibration


def test_one_fold_is_refused(settings: Settings) -> None:
    with pytest.raises(TrainingError, match="1 folds given, at least 2 are needed"):
        cross_validate(settings, 1, "a test")


@pytest.fixture(scope="module")
def without(
    tmp_path_factory: pytest.TempPathFactory, made_up: OutcomeTable, made_up_catalog_file: Path
) -> Settings:
    """Give two tasks, one of them with a prompt whose duplicate stands in the other."""
    path = tmp_path_factory.mktemp("left-out") / "outcomes.parquet"
    tasks = np.where(np.arange(len(made_up)) < len(made_up) // 2, "one", "other")
    group = made_up.group.copy()
    group[-1] = group[0]
    write_outcomes(replace(made_up, task=tasks, group=group), path, Origin("made up", "-", "-"))
    return replace(SETTINGS, data=str(path), catalog=made_up_catalog_file)


def test_each_task_is_judged_by_an_artifact_that_has_seen_none_of_it(without: Settings) -> None:
    said: list[str] = []
    results = cross_validate(without, 5, "a test", said.append, leave_out="task")
    names = [line for line in said if line.endswith("left out")]
    assert names == ["task one left out", "task other left out"]
    assert "prompts of a task it never saw" in results.provenance.notes[0]
    assert [task.task for task in results.tasks] == ["one", "other"]
    assert results.provenance.prompts_held_out == sum(task.prompts for task in results.tasks)
    # 300 prompts of the other task, less the one whose duplicate is left out.
    assert sum("'test': 300" in line for line in said) == 2
    assert not any("'train': 300" in line for line in said)


def test_nothing_else_can_be_left_out_and_not_the_only_task(settings: Settings) -> None:
    with pytest.raises(TrainingError, match="'subtask' cannot be left out"):
        cross_validate(settings, 5, "a test", leave_out="subtask")
    with pytest.raises(TrainingError, match="nothing is left to learn from"):
        cross_validate(settings, 5, "a test", leave_out="source")
