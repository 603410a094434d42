"""A member that is a small neural network learnt from the labels.

A smooth learner errs elsewhere than trees do, so averaged with them it saves cost
(docs/learning.md has the figures). The other members are ``training.members``; the network that
gives what a whole candidate gives is ``training.student``.
"""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier
from sklearn.preprocessing import StandardScaler

from training.labels import Examples, Float32Matrix, FloatMatrix
from training.members import sigmoid

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
        first = fold_scaling(weights[0], biases[0], self.mean, self.spread)
        layers = [first, *zip(weights[1:], biases[1:], strict=True)]
        return Network(
            self.low,
            self.high,
            tuple((one.astype(np.float32), other.astype(np.float32)) for one, other in layers),
        )


def fold_scaling(
    weights: FloatMatrix, bias: FloatMatrix, mean: FloatMatrix, spread: FloatMatrix
) -> tuple[FloatMatrix, FloatMatrix]:
    """Return a layer on raw inputs that gives what one on standardised inputs gives.

    Args:
        weights: (d, hidden) on (inputs - mean) / spread.
        bias: (hidden,).
        mean: (d,).
        spread: (d,), > 0.
    """
    raw = weights / spread[:, None]
    return raw, bias - mean @ raw


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
