"""The learners a candidate is made of, each with the numbers its ONNX graph needs.

A member maps inputs (n, d) to a probability per tier (n, T). Here are a regularised logistic
member, a gradient-boosted one, and one that first predicts how a tier's peers do and then maps
these few numbers to the tiers (a stack, Wolpert 1992). Joining members is ``training.candidates``.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import lightgbm as lgb
import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GroupKFold
from sklearn.preprocessing import StandardScaler

from router.errors import TrainingError
from training.labels import Examples, Float32Matrix, FloatMatrix

CLIP = 0.005
"""Probabilities are kept within [CLIP, 1 - CLIP], so that logits stay finite."""

_INNER_FOLDS = 4
_THREADS = 1
"""On boosters this small two wait for each other longer than they work, and on a busy machine they
stall; the result is the same."""


@dataclass(frozen=True, slots=True)
class TreeSettings:
    """LightGBM settings of one booster; ``features_only`` hides the vector from it."""

    rounds: int = 80
    learning_rate: float = 0.08
    leaves: int = 15
    least_leaf: int = 40
    columns: float = 0.3
    features_only: bool = False


@dataclass(frozen=True, slots=True)
class Linear:
    """sigmoid(inputs @ weights + bias); weights float32 (d, T), bias float32 (T,)."""

    weights: Float32Matrix
    bias: npt.NDArray[np.float32]

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return float64 (n, T)."""
        return sigmoid(inputs.astype(np.float64) @ self.weights + self.bias)


@dataclass(frozen=True, slots=True)
class Trees:
    """One booster per tier whose clipped output is the probability."""

    boosters: tuple[lgb.Booster, ...]

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return float64 (n, T)."""
        return clip(raw_scores(self.boosters, inputs))


@dataclass(frozen=True, slots=True)
class Stack:
    """sigmoid(logit(boosters' clipped output) @ weights + bias); weights float32 (B, T)."""

    boosters: tuple[lgb.Booster, ...]
    weights: Float32Matrix
    bias: npt.NDArray[np.float32]

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return float64 (n, T)."""
        scores = logit(clip(raw_scores(self.boosters, inputs)))
        return sigmoid(scores @ self.weights + self.bias)


def sigmoid(values: FloatMatrix) -> FloatMatrix:
    """Return 1 / (1 + exp(-values))."""
    result: FloatMatrix = 1.0 / (1.0 + np.exp(-values))
    return result


def logit(probabilities: FloatMatrix) -> FloatMatrix:
    """Return log(p / (1 - p)) of probabilities strictly between 0 and 1."""
    result: FloatMatrix = np.log(probabilities) - np.log1p(-probabilities)
    return result


def clip(probabilities: FloatMatrix) -> FloatMatrix:
    """Return probabilities within [CLIP, 1 - CLIP]."""
    return np.clip(probabilities, CLIP, 1.0 - CLIP)


def raw_scores(boosters: Sequence[lgb.Booster], inputs: Float32Matrix) -> FloatMatrix:
    """Return the raw output of each booster, float64 (n, B)."""
    return np.stack([booster.predict(inputs, num_threads=_THREADS) for booster in boosters], axis=1)


def fit_booster(
    inputs: Float32Matrix,
    target: npt.NDArray[np.float64],
    dimension: int,
    settings: TreeSettings,
    seed: int,
) -> lgb.Booster:
    """Fit one booster by squared error; ``dimension`` is the width of the vector part.

    Trained on float32 inputs, because the exported graph compares float32 with its thresholds.
    """
    if settings.features_only:
        inputs = inputs.copy()
        inputs[:, :dimension] = 0.0  # a constant column is never split on
    parameters = {
        "objective": "regression",
        "learning_rate": settings.learning_rate,
        "num_leaves": settings.leaves,
        "min_data_in_leaf": settings.least_leaf,
        "feature_fraction": settings.columns,
        "bagging_fraction": 0.7,
        "bagging_freq": 1,
        "lambda_l2": 5.0,
        "max_bin": 127,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": _THREADS,
        "seed": seed,
        "verbose": -1,
    }
    return lgb.train(parameters, lgb.Dataset(inputs, target), num_boost_round=settings.rounds)


def fit_linear(examples: Examples, *, strength: float) -> Linear:
    """Fit one L2-regularised logistic head per tier; ``strength`` is scikit-learn's C."""
    scaler = StandardScaler().fit(examples.inputs)
    scaled = scaler.transform(examples.inputs)
    coefficients, intercepts = [], []
    for labels in examples.adequate.T:
        if labels.min() == labels.max():  # one class only: a constant head
            rate = clip(np.array([[labels.mean()]]))
            coefficients.append(np.zeros(scaled.shape[1]))
            intercepts.append(float(logit(rate)[0, 0]))
            continue
        fitted = LogisticRegression(C=strength, max_iter=1000).fit(scaled, labels)
        coefficients.append(fitted.coef_[0])
        intercepts.append(float(fitted.intercept_[0]))
    weights = np.stack(coefficients, axis=1) / scaler.scale_[:, None]
    bias = np.array(intercepts) - scaler.mean_ @ weights
    return Linear(weights.astype(np.float32), bias.astype(np.float32))


def fit_trees(examples: Examples, dimension: int, settings: TreeSettings, seed: int) -> Trees:
    """Fit one booster per tier on its adequacy."""
    return Trees(
        tuple(
            fit_booster(examples.inputs, labels, dimension, settings, seed)
            for labels in examples.adequate.T
        )
    )


def fit_stack(
    examples: Examples, dimension: int, settings: Sequence[TreeSettings], seed: int
) -> Stack:
    """Fit boosters on the tiers' peer quality, then logistic heads on their out-of-fold output.

    Raises:
        TrainingError: all examples are one duplicate group.
    """

    def boosters(rows: npt.NDArray[np.intp]) -> tuple[lgb.Booster, ...]:
        part = examples.select(rows)
        return tuple(
            fit_booster(part.inputs, target, dimension, one, seed)
            for one in settings
            for target in part.peer_quality.T
        )

    n_groups = len(np.unique(examples.groups))
    if n_groups < 2:
        raise TrainingError(
            f"the {len(examples)} training prompts are {n_groups} duplicate group; folds need at "
            "least 2: check the column 'group' of the data"
        )
    folds = GroupKFold(min(_INNER_FOLDS, n_groups), shuffle=True, random_state=seed)
    out_of_fold = np.zeros((len(examples), len(settings) * examples.adequate.shape[1]))
    for inside, outside in folds.split(examples.inputs, groups=examples.groups):
        out_of_fold[outside] = raw_scores(boosters(inside), examples.inputs[outside])
    scores = logit(clip(out_of_fold)).astype(np.float32)
    heads = fit_linear(
        Examples(
            scores,
            examples.adequate,
            examples.peer_quality,
            examples.output_tokens,
            examples.groups,
        ),
        strength=0.3,
    )
    return Stack(boosters(np.arange(len(examples))), heads.weights, heads.bias)
