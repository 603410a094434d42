"""Own labels: what is drawn is whole groups, and ways of training are compared draw by draw."""

import numpy as np
import pytest
from synthetic import ENCODER

from eval.outcomes import OutcomeTable
from router.catalog import Catalog
from training.settings import Settings
from training.study import own_labels as study


@pytest.mark.parametrize("labels", [30, 200])
def test_labels_are_whole_groups_and_hardly_more_than_asked_for(
    made_up: OutcomeTable, labels: int
) -> None:
    parts = study.drawn_parts(made_up, labels, seed=3)
    known = parts != "test"
    greatest = np.unique(made_up.group, return_counts=True)[1].max()
    assert not np.isin(made_up.group[known], made_up.group[~known]).any()
    assert labels <= np.count_nonzero(known) < labels + greatest
    assert {"train", "validation", "test"} == set(parts.tolist())


def test_another_seed_draws_other_labels(made_up: OutcomeTable) -> None:
    first, second = (study.drawn_parts(made_up, 100, seed) == "test" for seed in (0, 1))
    assert (first != second).any()


def test_a_way_beside_itself_differs_by_nothing(
    made_up: OutcomeTable, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    way = Settings(encoder=ENCODER, candidate="logistic", distil=False, prior=None, otherwise=None)
    monkeypatch.setattr(study, "SOURCES", ("made-up",))
    monkeypatch.setattr(study, "LABELS", (150,))
    monkeypatch.setattr(study, "REPEATS", 1)
    monkeypatch.setattr(study, "DRAWS", 40)
    monkeypatch.setattr(study, "WAYS", {"one": way, "the same": way})
    said: list[str] = []
    lines = study.own_labels(made_up, catalog, 0, said.append).splitlines()
    assert said == ["made-up 150 labels: one", "made-up 150 labels: the same"]
    assert [line.count("+0.000 [+0.000, +0.000]") for line in lines[-2:]] == [0, 2]
