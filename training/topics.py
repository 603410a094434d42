"""Topics of prompts, found without looking at what a contract is calibrated on.

Clusters of the vectors an artifact may learn from; nothing of labels goes in. They are few, because
each needs labels of its own, and the confidence is divided among them. What a topic is at serving
is ``router.promise.topics``.
"""

import numpy as np

from eval.outcomes import OutcomeTable
from eval.promise.clusters import fit_clusters, spread
from router.errors import TrainingError
from router.promise.topics import Topics

TOPICS = 5
_STARTS = 8
_DECIMALS = 6


def fit_topics(table: OutcomeTable, seed: int, topics: int = TOPICS) -> Topics:
    """Find topics: the tightest clusters of ``_STARTS`` starts, the most frequent first.

    A topic bears the name of the task most of its prompts come from, with a number where two would
    be called the same.

    Args:
        table: Prompts to learn from, none of which may calibrate a contract.
        seed: Of the starts.
        topics: Their number.

    Raises:
        TrainingError: fewer than ten prompts for each topic.
    """
    if len(table) < 10 * topics:
        raise TrainingError(
            f"{len(table)} prompts are too few for {topics} topics: at least {10 * topics} are "
            "needed",
            reason="TOO_FEW_EXAMPLES",
        )
    starts = [fit_clusters(table.vectors, topics, seed + start) for start in range(_STARTS)]
    centres = np.round(min(starts, key=lambda one: spread(table.vectors, one)), _DECIMALS)
    unnamed = Topics(tuple(str(place) for place in range(topics)), centres)
    place = unnamed.of(table.vectors)
    order = np.argsort(-np.bincount(place, minlength=topics), kind="stable")
    names: list[str] = []
    for topic in order.tolist():
        tasks, counts = np.unique(table.task[place == topic], return_counts=True)
        task = (str(tasks[np.argmax(counts)]) if len(tasks) else "") or "topic"
        alike = sum(name.rsplit(" ", 1)[0] == task for name in names)
        names.append(f"{task} {alike + 1}" if alike else task)
    return Topics(tuple(names), centres[order])
