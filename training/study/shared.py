"""One network on the outcomes of every model on every source, most of them unknown on any one row.

Sources were answered by different models (Caruana 1997, "Multitask Learning": what they need in
common is learnt from all of them). Each known outcome is one label; an unknown one counts nothing.
Plain NumPy: backpropagation through a few rectified layers with dropout (Srivastava et al. 2014)
and AdamW (Loshchilov and Hutter 2019). Which rows are given is ``training.study.others``.
"""

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.preprocessing import StandardScaler

from eval.arrays import FloatArray
from training.labels import Float32Matrix, FloatMatrix
from training.members import sigmoid

_REACH = 3.0
"""Standardised features are kept within this many standard deviations."""

_DECAY = 1e-4
_RISING = 0.2
"""Share of the steps in which the step size rises; then it falls, both along a cosine."""


@dataclass(frozen=True, slots=True)
class SharedSettings:
    """How the networks are fitted.

    Attributes:
        hidden: Units of each hidden layer.
        passes: Passes over the rows.
        batch: Rows of a step.
        rate: Greatest step size.
        input_dropout: Share of the inputs hidden at a step.
        dropout: Share of the units hidden at a step.
        networks: How many are averaged.
    """

    hidden: tuple[int, ...] = (128, 64)
    passes: int = 8
    batch: int = 256
    rate: float = 2e-3
    input_dropout: float = 0.1
    dropout: float = 0.3
    networks: int = 3


@dataclass(frozen=True, slots=True)
class Outcomes:
    """Rows of any source.

    Attributes:
        inputs: float32 (n, d).
        labels: float32 (n, k) in [0, 1], NaN where unknown.
    """

    inputs: Float32Matrix
    labels: Float32Matrix


@dataclass(frozen=True, slots=True)
class _Scale:
    """Text features standardised and bounded; the unit vector made numbers of about one.

    Standardised, the vector's least components, which are mostly noise, would weigh as much as
    its first.
    """

    mean: FloatArray
    spread: FloatArray
    reach: FloatArray

    @classmethod
    def of(cls, inputs: Float32Matrix, dimension: int) -> "_Scale":
        scaler = StandardScaler().fit(inputs[:, dimension:])
        mean = np.concatenate([np.zeros(dimension), scaler.mean_])
        spread = np.concatenate([np.full(dimension, dimension**-0.5), scaler.scale_])
        reach = np.full(len(mean), _REACH)
        reach[:dimension] = np.inf
        return cls(mean, spread, reach)

    def apply(self, inputs: Float32Matrix) -> Float32Matrix:
        scaled = np.clip((inputs - self.mean) / self.spread, -self.reach, self.reach)
        return scaled.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Shared:
    """Fitted networks; ``kept`` are the outputs that are asked for."""

    scale: _Scale
    networks: tuple[tuple[Float32Matrix, ...], ...]
    kept: int

    def probabilities(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return P(label) of the kept outputs by the networks' mean logit: float64 (n, kept)."""
        near = self.scale.apply(inputs)
        said = [_forward(near, network)[-1] for network in self.networks]
        logits = sum(one[:, : self.kept].astype(np.float64) for one in said) / len(said)
        return sigmoid(np.asarray(logits))


def fit_shared(
    rows: Outcomes,
    weight: FloatArray,
    *,
    kept: int,
    dimension: int,
    settings: SharedSettings,
    seed: int,
) -> Shared:
    """Fit networks to the known labels.

    Args:
        rows: Inputs with labels.
        weight: (k,) what a label counts.
        kept: How many outputs, the first ones, are asked for later.
        dimension: Width of the vector part of the inputs.
        settings: Sizes and steps.
        seed: Of weights, order and dropout.
    """
    scale = _Scale.of(rows.inputs, dimension)
    near = scale.apply(rows.inputs)
    networks = tuple(
        _fit_one(near, rows.labels, weight, settings, np.random.default_rng((seed, number)))
        for number in range(settings.networks)
    )
    return Shared(scale, networks, kept)


def _forward(inputs: Float32Matrix, network: tuple[Float32Matrix, ...]) -> list[Float32Matrix]:
    """Return the values of each layer; weights and biases take turns in ``network``."""
    values = [inputs]
    for place in range(0, len(network), 2):
        linear = values[-1] @ network[place] + network[place + 1]
        values.append(linear if place + 2 == len(network) else np.maximum(linear, 0.0))
    return values


def _fit_one(
    near: Float32Matrix,
    labels: Float32Matrix,
    weight: FloatArray,
    settings: SharedSettings,
    generator: np.random.Generator,
) -> tuple[Float32Matrix, ...]:
    counts = (~np.isnan(labels) * weight).astype(np.float32)
    known = np.nan_to_num(labels)
    network = _start((near.shape[1], *settings.hidden, labels.shape[1]), generator)
    moments = [(np.zeros_like(one), np.zeros_like(one)) for one in network]
    steps = settings.passes * -(-len(near) // settings.batch)
    step = 0
    for _ in range(settings.passes):
        order = generator.permutation(len(near))
        for start in range(0, len(near), settings.batch):
            chosen = order[start : start + settings.batch]
            slopes = _slopes(
                near[chosen], known[chosen], counts[chosen], network, settings, generator
            )
            step += 1
            rate = settings.rate * _share_of_rate(step / steps)
            for one, (mean, square), slope in zip(network, moments, slopes, strict=True):
                mean += 0.1 * (slope - mean)
                square += 0.001 * (slope * slope - square)
                size = np.sqrt(square / (1.0 - 0.999**step)) + 1e-8
                one -= rate * (mean / (1.0 - 0.9**step) / size + _DECAY * one)
    return tuple(network)


def _start(widths: tuple[int, ...], generator: np.random.Generator) -> list[Float32Matrix]:
    """Return small weights and biases, uniform within one over the root of a layer's inputs."""
    network: list[Float32Matrix] = []
    for width, units in pairwise(widths):
        reach = 1.0 / np.sqrt(width)
        shapes = ((width, units), (1, units))
        network += [generator.uniform(-reach, reach, one).astype(np.float32) for one in shapes]
    return network


def _slopes(
    inputs: Float32Matrix,
    labels: Float32Matrix,
    counts: Float32Matrix,
    network: list[Float32Matrix],
    settings: SharedSettings,
    generator: np.random.Generator,
) -> list[Float32Matrix]:
    """Return the gradient of the mean weighted log loss by weights and biases."""
    masks, values = [], [inputs]
    for place in range(0, len(network), 2):
        hidden_share = settings.dropout if place else settings.input_dropout
        mask = _mask(values[-1].shape, hidden_share, generator)
        masks.append(mask)
        values[-1] = values[-1] * mask
        linear = values[-1] @ network[place] + network[place + 1]
        values.append(linear if place + 2 == len(network) else np.maximum(linear, 0.0))
    said = 1.0 / (1.0 + np.exp(-values[-1]))
    back = ((said - labels) * counts / max(float(counts.sum()), 1e-9)).astype(np.float32)
    slopes: list[Float32Matrix] = []
    for place in range(len(network) - 2, -1, -2):
        layer = place // 2
        slopes += [back.sum(axis=0, keepdims=True), values[layer].T @ back]
        if place:
            back = (back @ network[place].T) * masks[layer] * (values[layer] > 0)
    return slopes[::-1]


def _mask(
    shape: tuple[int, ...], hidden_share: float, generator: np.random.Generator
) -> Float32Matrix:
    kept = generator.random(shape, dtype=np.float32) >= hidden_share
    return kept.astype(np.float32) / np.float32(1.0 - hidden_share)


def _share_of_rate(done: float) -> float:
    if done < _RISING:
        return 0.04 + 0.96 * (1.0 - float(np.cos(np.pi * done / _RISING))) / 2.0
    return (1.0 + float(np.cos(np.pi * (done - _RISING) / (1.0 - _RISING)))) / 2.0
