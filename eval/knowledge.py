"""How much of a router's skill is knowing the task: AUROC pooled, within tasks, and inside each.

An event is something that happens to a prompt (a tier is adequate; the highest tier gains over the
lowest). Resamples come from ``eval.figures``.
"""

from dataclasses import dataclass

import numpy as np

from eval.arrays import BoolArray, FloatArray, StrArray
from eval.figures import Resamples, interval
from eval.metrics import pairs_won
from eval.recorded import Recorded
from eval.results import TaskAuroc, TaskKnowledge

GAIN = "gain"
ADEQUATE = "adequate:"


@dataclass(frozen=True, slots=True)
class Event:
    """Something to be foreseen on n prompts.

    Attributes:
        name: ``gain`` or ``adequate:<tier>``.
        happened: (n,) whether it did.
        predicted: (n,) the router's score for it; only its order matters.
        told: (n,) the score of who knows the task's name only.
    """

    name: str
    happened: BoolArray
    predicted: FloatArray
    told: FloatArray


def events(
    recorded: Recorded, adequate_quality: float, adequacy: FloatArray, told: FloatArray
) -> tuple[Event, ...]:
    """List what is to be foreseen: the gain of the highest tier over the lowest, and every tier.

    Args:
        recorded: The truth on n prompts.
        adequate_quality: Quality from which an answer is adequate.
        adequacy: (n, tiers) predicted.
        told: (n, tiers) share adequate among known prompts of the same task.
    """
    adequate = recorded.quality >= adequate_quality
    gained: BoolArray = adequate[:, -1] & ~adequate[:, 0]
    gain = Event(GAIN, gained, adequacy[:, -1] - adequacy[:, 0], told[:, -1] - told[:, 0])
    return gain, *(
        Event(ADEQUATE + tier, adequate[:, i], adequacy[:, i], told[:, i])
        for i, tier in enumerate(recorded.tiers)
    )


def task_knowledge(event: Event, tasks: StrArray, draws: Resamples) -> TaskKnowledge:
    """Separate what is known within a task from what the task's name tells.

    Args:
        event: What is to be foreseen on n prompts.
        tasks: (n,) tasks.
        draws: Resamples of the n prompts.
    """
    shape = (len(draws.weights),)
    won, pairs = np.zeros(shape), np.zeros(shape)
    single = []
    for task in np.unique(tasks):
        rows = tasks == task
        some = pairs_won(event.predicted[rows], event.happened[rows], draws.weights[:, rows])
        won, pairs = won + some[0], pairs + some[1]
        happened = float(event.happened[rows].mean())
        single.append(TaskAuroc(str(task), happened, interval(_share(*some))))
    return TaskKnowledge(
        event=event.name,
        pooled=interval(_share(*pairs_won(event.predicted, event.happened, draws.weights))),
        within_task=interval(_share(won, pairs)),
        task_mean_pooled=interval(_share(*pairs_won(event.told, event.happened, draws.weights))),
        tasks=tuple(single),
    )


def _share(won: FloatArray, pairs: FloatArray) -> FloatArray:
    """Divide, NaN where there is no pair."""
    share: FloatArray = np.divide(won, pairs, out=np.full(len(won), np.nan), where=pairs > 0)
    return share
