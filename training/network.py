"""Members that are small neural networks: learnt from the labels, or from what trees predict.

A smooth learner errs elsewhere than trees do, so averaged with them it saves cost, and it serves
without walking a tree (docs/learning.md has the figures). Here are its numbers and two ways of
fitting it; the other members are ``training.members``.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import StandardScaler

from training.labels import Examples, Float32Matrix, FloatMatrix
from training.members import clip, logit, sigmoid

_REACH = 3.0
_BATCH = 128


@dataclass(frozen=True, slots=True)
class NetworkSettings:
    """How networks are fitted.

    Attributes:
        networks: How many are averaged.
        hidden: Units of each one's hidden layer.
        penalty: scikit-learn's ``alpha``, the weight of the squared weights.
        epochs: Passes over the rows; few passes keep the weights small as well.
        rows: Share of the rows each network sees.
    """

    networks: int = 4
    hidden: int = 32
    penalty: float = 10.0
    epochs: int = 12
    rows: float = 0.7


@dataclass(frozen=True, slots=True)
class DistilSettings:
    """How a network learns from a teacher.

    Attributes:
        hidden: Units of each hidden layer.
        epochs: Passes over own and mixed rows.
        mixed: Mixed rows for each own row.
    """

    hidden: tuple[int, ...] = (128, 128)
    epochs: int = 15
    mixed: int = 3


@dataclass(frozen=True, slots=True)
class Network:
    """Layers with rectified units between them and a sigmoid at the end.

    Attributes:
        low: float32 (d,), least value of an input that is looked at.
        high: float32 (d,), greatest; an input far from what was learnt must not decide alone.
        layers: Weights float32 (inputs, units) and bias (units,) of each layer; the last has T.
    """

    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    layers: tuple[tuple[Float32Matrix, npt.NDArray[np.float32]], ...]

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return float64 (n, T)."""
        values: FloatMatrix = np.clip(inputs, self.low, self.high).astype(np.float64)
        for weights, bias in self.layers[:-1]:
            values = np.maximum(values @ weights + bias, 0.0)
        weights, bias = self.layers[-1]
        return sigmoid(values @ weights + bias)


def fit_network(examples: Examples, settings: NetworkSettings, seed: int) -> Network:
    """Fit networks on every tier's adequacy at once and average their logits.

    One hidden layer each, so that the average is again one network with a wider hidden layer.
    """
    scale = _Scale.of(examples.inputs)
    near = scale.apply(examples.inputs)
    generator = np.random.default_rng(seed)
    size = max(2, round(settings.rows * len(near)))
    fitted = []
    for number in range(settings.networks):
        rows = generator.choice(len(near), size=size, replace=False)
        fitted.append(
            _fit_one(near[rows], examples.adequate[rows].astype(np.int64), settings, seed + number)
        )
    return scale.network(
        [
            np.hstack([one.coefs_[0] for one in fitted]),
            np.vstack([one.coefs_[1] for one in fitted]) / len(fitted),
        ],
        [
            np.concatenate([one.intercepts_[0] for one in fitted]),
            np.mean([one.intercepts_[1] for one in fitted], axis=0),
        ],
    )


def fit_distilled(
    examples: Examples,
    teacher: Callable[[Float32Matrix], FloatMatrix],
    dimension: int,
    settings: DistilSettings,
    seed: int,
) -> Network:
    """Fit one network to a teacher's probabilities on the rows and on rows mixed from them.

    Distillation (Hinton et al. 2015, arXiv 1503.02531) by squared error of the logits (Ba and
    Caruana 2014). Mixed rows ask the teacher between and beside the rows it learnt from, where it
    does not remember the answer.

    Args:
        examples: Only the inputs are used.
        teacher: From float32 (n, d) to probabilities (n, T).
        dimension: Width of the vector part of the inputs.
        settings: See there.
        seed: Of mixing and fitting.
    """
    own = examples.inputs
    mixed = mixed_up(own, settings.mixed * len(own), dimension, seed)
    inputs = np.concatenate([own, mixed])
    scale = _Scale.of(own)
    network = MLPRegressor(
        hidden_layer_sizes=settings.hidden,
        alpha=0.001,
        learning_rate_init=0.002,
        batch_size=min(2 * _BATCH, len(inputs)),
        max_iter=settings.epochs,
        n_iter_no_change=settings.epochs,
        random_state=seed,
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        network.fit(scale.apply(inputs), logit(clip(teacher(inputs))))
    return scale.network(network.coefs_, network.intercepts_)


def mixed_up(inputs: Float32Matrix, count: int, dimension: int, seed: int) -> Float32Matrix:
    """Mix pairs of rows, half by a weighted mean, half by joining one's vector to other features.

    Returns:
        float32 (count, d).
    """
    generator = np.random.default_rng(seed)
    one, other = generator.integers(len(inputs), size=(2, count))
    share = generator.beta(0.5, 0.5, size=(count, 1))
    mixed: Float32Matrix = (share * inputs[one] + (1 - share) * inputs[other]).astype(np.float32)
    joined = generator.random(count) < 0.5
    mixed[joined, :dimension] = inputs[one[joined], :dimension]
    mixed[joined, dimension:] = inputs[other[joined], dimension:]
    return mixed


@dataclass(frozen=True, slots=True)
class _Scale:
    """Inputs within bounds, standardised; and that folded into a network's first layer."""

    mean: FloatMatrix
    spread: FloatMatrix
    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]

    @classmethod
    def of(cls, inputs: Float32Matrix) -> "_Scale":
        scaler = StandardScaler().fit(inputs)
        mean, spread = scaler.mean_, scaler.scale_
        low, high = mean - _REACH * spread, mean + _REACH * spread
        return cls(mean, spread, low.astype(np.float32), high.astype(np.float32))

    def apply(self, inputs: Float32Matrix) -> FloatMatrix:
        scaled: FloatMatrix = (np.clip(inputs, self.low, self.high) - self.mean) / self.spread
        return scaled

    def network(self, weights: Sequence[FloatMatrix], biases: Sequence[FloatMatrix]) -> Network:
        first = weights[0] / self.spread[:, None]
        folded = [first, *weights[1:]]
        shifted = [biases[0] - self.mean @ first, *biases[1:]]
        layers = zip(folded, shifted, strict=True)
        return Network(
            self.low,
            self.high,
            tuple((one.astype(np.float32), other.astype(np.float32)) for one, other in layers),
        )


def _fit_one(
    near: FloatMatrix, labels: npt.NDArray[np.int64], settings: NetworkSettings, seed: int
) -> MLPClassifier:
    network = MLPClassifier(
        (settings.hidden,),
        alpha=settings.penalty,
        batch_size=min(_BATCH, len(near)),
        max_iter=settings.epochs,
        n_iter_no_change=settings.epochs,
        random_state=seed,
    )
    with warnings.catch_warnings():
        # Stopping before the loss has settled is meant.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return network.fit(near, labels)
