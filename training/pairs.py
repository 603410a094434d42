"""RouteLLM's benchmarks with a learner of ours beside every published router.

A mixture of five learners, fixed beforehand and tuned on nothing here, scores how much the strong
model gains on a prompt; prompts are held out by duplicate group. The prompts, the decontamination
and the metric are RouteLLM's (``eval.routellm``). Here is what is learnt and on which rows; figures
and printing are ``training.pairs_table``.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from eval.arrays import FloatArray, IntArray, StrArray
from eval.outcomes import OutcomeTable
from eval.routellm import STRONG_MODEL, WEAK_MODEL
from router.errors import TrainingError
from training.labels import Float32Matrix
from training.members import TreeSettings, fit_booster

FOLDS = 5
_NEIGHBOURS = 100
_CLIP = 3.0
_ALL = TreeSettings(rounds=150, learning_rate=0.04)
_SHAPE = TreeSettings(rounds=100, learning_rate=0.04, columns=0.4, features_only=True)


@dataclass(frozen=True, slots=True)
class PairRows:
    """Prompts with the quality of a weak and a strong model.

    Attributes:
        inputs: (n, d) vector and text features.
        weak: (n,) in [0, 1].
        strong: (n,) in [0, 1].
        group: (n,) duplicate groups.
        subtask: (n,) such as an MMLU subject.
        length: (n,) input tokens.
        dimension: width of the vector part of the inputs.
    """

    inputs: Float32Matrix
    weak: FloatArray
    strong: FloatArray
    group: StrArray
    subtask: StrArray
    length: FloatArray
    dimension: int

    def __len__(self) -> int:
        return len(self.weak)

    def select(self, rows: IntArray) -> "PairRows":
        """Return some rows."""
        return PairRows(
            self.inputs[rows],
            self.weak[rows],
            self.strong[rows],
            self.group[rows],
            self.subtask[rows],
            self.length[rows],
            self.dimension,
        )


def pair_rows(table: OutcomeTable, task: str) -> PairRows:
    """Return the rows of one RouteLLM benchmark whose prompts are not flagged as contaminated.

    Raises:
        TrainingError: there is none.
    """
    pairs = table.for_models((WEAK_MODEL, STRONG_MODEL))
    clean = np.array(["contaminated" not in flags for flags in pairs.flags.tolist()])
    chosen = pairs.select(np.flatnonzero((pairs.task == task) & clean))
    if not len(chosen):
        raise TrainingError(
            f"no outcomes of RouteLLM's {task!r} here: run 'make data', or give data/outcomes"
        )
    return PairRows(
        inputs=np.hstack([chosen.vectors, chosen.features]).astype(np.float32),
        weak=chosen.quality[:, 0].astype(np.float64),
        strong=chosen.quality[:, 1].astype(np.float64),
        group=chosen.group,
        subtask=chosen.subtask,
        length=chosen.input_tokens,
        dimension=chosen.vectors.shape[1],
    )


def conversation_rows(table: OutcomeTable) -> PairRows:
    """Return RouteLLM's MT-Bench: a row per question, routed on its first turn.

    The second turn follows the first one's choice, so a question's quality is the mean of its two
    turns.

    Raises:
        TrainingError: there is none, or a question lacks a turn.
    """
    turns = pair_rows(table, "mt_bench")
    place = {name: row for row, name in enumerate(turns.subtask.tolist())}
    questions = sorted({name.partition("/")[0] for name in place})
    missing = [one for one in questions if f"{one}/t1" not in place or f"{one}/t2" not in place]
    if missing:
        raise TrainingError(f"MT-Bench questions {missing} lack a turn: run 'make data'")
    first, second = (
        turns.select(np.array([place[f"{one}/t{turn}"] for one in questions])) for turn in (1, 2)
    )
    return replace(
        first,
        weak=(first.weak + second.weak) / 2,
        strong=(first.strong + second.strong) / 2,
        group=np.array(questions),
    )


def out_of_fold(rows: PairRows, score: Callable[[PairRows, PairRows], FloatArray]) -> FloatArray:
    """Score every row by a learner that saw none of its duplicate group: (n,)."""
    scores = np.zeros(len(rows))
    folds = GroupKFold(FOLDS, shuffle=True, random_state=0)
    for known, held_out in folds.split(rows.inputs, groups=rows.group):
        scores[held_out] = score(rows.select(known), rows.select(held_out))
    return scores


def mixture_scores(known: PairRows, held_out: PairRows) -> FloatArray:
    """Learn the strong model's gain and score prompts by it, higher goes strong: (n,).

    The mean of five standardised scores: ridge on the gain, the difference of two logistic heads,
    boosting on the gain with and without the vector, and the mean gain of the 100 nearest.
    """
    gain = known.strong - known.weak
    scaler = StandardScaler().fit(known.inputs)
    # A feature far outside what was learnt must not decide alone.
    near = np.clip(scaler.transform(known.inputs), -_CLIP, _CLIP)
    far = np.clip(scaler.transform(held_out.inputs), -_CLIP, _CLIP)
    heads = [_logistic(near, quality, far) for quality in (known.weak, known.strong)]
    parts = [
        Ridge(alpha=1e4).fit(near, gain).predict(far),
        heads[1] - heads[0],
        *(
            fit_booster(known.inputs, gain, known.dimension, settings, seed=0).predict(
                held_out.inputs
            )
            for settings in (_ALL, _SHAPE)
        ),
        _nearest(known, gain, held_out),
    ]
    mean: FloatArray = np.mean([_standardised(part) for part in parts], axis=0)
    return mean


def subtask_scores(known: PairRows, held_out: PairRows) -> FloatArray:
    """Score prompts by the mean gain of their subtask alone, the plateau to get past: (n,)."""
    gain = known.strong - known.weak
    means = {name: gain[known.subtask == name].mean() for name in np.unique(known.subtask)}
    return np.array([means.get(name, gain.mean()) for name in held_out.subtask])


def _logistic(near: FloatArray, quality: FloatArray, far: FloatArray) -> FloatArray:
    fitted = LogisticRegression(C=0.001, max_iter=500).fit(near, quality >= 0.5)
    chance: FloatArray = fitted.predict_proba(far)[:, 1]
    return chance


def _nearest(known: PairRows, gain: FloatArray, held_out: PairRows) -> FloatArray:
    wanted = min(_NEIGHBOURS, len(known) - 1)
    scores = np.empty(len(held_out))
    for start in range(0, len(held_out), 1000):
        part = slice(start, start + 1000)
        close = held_out.inputs[part, : known.dimension] @ known.inputs[:, : known.dimension].T
        scores[part] = gain[np.argpartition(-close, wanted, axis=1)[:, :wanted]].mean(axis=1)
    return scores


def _standardised(scores: FloatArray) -> FloatArray:
    spread = scores.std()
    result: FloatArray = (scores - scores.mean()) / (spread if spread > 0 else 1.0)
    return result
