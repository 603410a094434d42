"""A member of small neural networks: several with one hidden layer each, joined into one.

Trees and linear heads miss what a smooth function of many inputs at once shows; averaged with them,
this member lowers the loss (docs/learning.md). Here are its numbers, its fitting and nothing else;
the other members are ``training.members``.
"""

import warnings
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
    """sigmoid(relu(inputs within [low, high] @ first + first_bias) @ second + second_bias).

    Attributes:
        low: float32 (d,), least value of an input that is looked at.
        high: float32 (d,), greatest; an input far from what was learnt must not decide alone.
        first: float32 (d, h).
        first_bias: float32 (h,).
        second: float32 (h, T).
        second_bias: float32 (T,).
    """

    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    first: Float32Matrix
    first_bias: npt.NDArray[np.float32]
    second: Float32Matrix
    second_bias: npt.NDArray[np.float32]

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return float64 (n, T)."""
        near = np.clip(inputs, self.low, self.high).astype(np.float64)
        hidden: FloatMatrix = np.maximum(near @ self.first + self.first_bias, 0.0)
        return sigmoid(hidden @ self.second + self.second_bias)


def fit_network(examples: Examples, settings: NetworkSettings, seed: int) -> Network:
    """Fit networks on every tier's adequacy at once and average their logits.

    One hidden layer each, so that the average is again one network with a wider hidden layer.
    """
    scaler = StandardScaler().fit(examples.inputs)
    low = (scaler.mean_ - _REACH * scaler.scale_).astype(np.float32)
    high = (scaler.mean_ + _REACH * scaler.scale_).astype(np.float32)
    near = scaler.transform(np.clip(examples.inputs, low, high))
    generator = np.random.default_rng(seed)
    size = max(2, round(settings.rows * len(near)))
    fitted = []
    for number in range(settings.networks):
        rows = generator.choice(len(near), size=size, replace=False)
        fitted.append(
            _fit_one(near[rows], examples.adequate[rows].astype(np.int64), settings, seed + number)
        )
    first = np.hstack([one.coefs_[0] for one in fitted]) / scaler.scale_[:, None]
    first_bias = np.concatenate([one.intercepts_[0] for one in fitted]) - scaler.mean_ @ first
    second = np.vstack([one.coefs_[1] for one in fitted]) / len(fitted)
    second_bias = np.mean([one.intercepts_[1] for one in fitted], axis=0)
    return Network(
        low,
        high,
        first.astype(np.float32),
        first_bias.astype(np.float32),
        second.astype(np.float32),
        second_bias.astype(np.float32),
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
