"""Topics are clusters of what was learnt from, named after its tasks."""

from dataclasses import replace

import numpy as np
import pytest

from eval.outcomes import OutcomeTable
from router.errors import TrainingError
from training.topics import fit_topics


def apart(made_up: OutcomeTable, sizes: tuple[int, ...], tasks: tuple[str, ...]) -> OutcomeTable:
    """Return rows in clusters that lie apart, each of one task."""
    place = np.repeat(np.arange(len(sizes)), sizes)
    rows = made_up.select(np.arange(len(place)))
    noise = np.random.default_rng(1).normal(0, 0.01, rows.vectors.shape)
    vectors = np.eye(len(sizes), rows.vectors.shape[1])[place] + noise
    return replace(
        rows, vectors=vectors.astype(np.float32), task=np.array(tasks, dtype=np.str_)[place]
    )


def test_topics_are_the_clusters_the_most_frequent_first_and_bear_their_tasks_names(
    made_up: OutcomeTable,
) -> None:
    table = apart(made_up, (20, 70, 40, 30), ("tools", "maths", "maths", ""))
    topics = fit_topics(table, 0, 4)
    assert topics.names == ("maths", "maths 2", "topic", "tools")
    assert topics.of(table.vectors).tolist() == [3] * 20 + [0] * 70 + [1] * 40 + [2] * 30


def test_the_same_prompts_and_seed_give_the_same_topics(made_up: OutcomeTable) -> None:
    one, other = (fit_topics(made_up, 3) for _ in range(2))
    assert one.names == other.names
    assert np.array_equal(one.centres, other.centres)


def test_too_few_prompts_are_refused(made_up: OutcomeTable) -> None:
    with pytest.raises(TrainingError, match="39 prompts are too few for 4 topics"):
        fit_topics(made_up.select(np.arange(39)), 0, 4)
