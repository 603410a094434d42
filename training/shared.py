"""Small networks on many targets at once, most of them unknown on any one row.

Sources were answered by different models (Caruana 1997, "Multitask Learning": what they need in
common is learnt from all of them). Each known target counts what is asked for it; an unknown one
counts nothing. Plain NumPy: backpropagation through a few rectified layers with dropout (Srivastava
et al. 2014) and AdamW (Loshchilov and Hutter 2019). Which rows are given is
``training.shared_rows``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from sklearn.preprocessing import StandardScaler

from eval.arrays import FloatArray
from training.labels import Float32Matrix, FloatMatrix
from training.members import sigmoid

REACH = 3.0
"""Standardised features are kept within this many standard deviations."""

_DECAY = 1e-4
_RISING = 0.2
"""Share of the steps in which the step size rises; then it falls, both along a cosine."""

Network = tuple[Float32Matrix, ...]
"""Weights (inputs, units) and bias (1, units) of each layer, taking turns."""

Otherwise = Callable[[Float32Matrix, np.random.Generator], Float32Matrix]
"""Inputs (m, d) as they would be, were the prompts written otherwise."""


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
        moved: Share of the rows that a pass sees written otherwise.
    """

    hidden: tuple[int, ...] = (128, 64)
    passes: int = 8
    batch: int = 256
    rate: float = 2e-3
    input_dropout: float = 0.1
    dropout: float = 0.3
    networks: int = 3
    moved: float = 0.0


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of any source with k targets.

    Attributes:
        inputs: float32 (n, d).
        targets: float32 (n, k): probabilities first, then numbers of about unit spread.
        counts: float32 (n, k), >= 0: what each weighs; 0 where the target is unknown.
        probabilities: How many of the targets are probabilities: log loss there, half the squared
            error elsewhere.
    """

    inputs: Float32Matrix
    targets: Float32Matrix
    counts: Float32Matrix
    probabilities: int


@dataclass(frozen=True, slots=True)
class Scale:
    """Text features standardised and bounded; the unit vector made numbers of about one.

    Standardised, the vector's least components, which are mostly noise, would weigh as much as
    its first. All are (d,).
    """

    mean: FloatArray
    spread: FloatArray
    reach: FloatArray

    @classmethod
    def of(cls, inputs: Float32Matrix, dimension: int) -> "Scale":
        """Measure inputs (n, d) whose first ``dimension`` columns are the vector."""
        scaler = StandardScaler().fit(inputs[:, dimension:])
        mean = np.concatenate([np.zeros(dimension), scaler.mean_])
        spread = np.concatenate([np.full(dimension, dimension**-0.5), scaler.scale_])
        # What never varied was not learnt from: whatever it becomes, it is read as it was.
        varies = np.concatenate([np.ones(dimension, dtype=bool), scaler.var_ > 1e-12])
        reach = np.where(varies, REACH, 0.0)
        reach[:dimension] = np.inf
        return cls(mean, spread, reach)

    def apply(self, inputs: Float32Matrix) -> Float32Matrix:
        """Return scaled inputs, float32 (n, d)."""
        scaled = np.clip((inputs - self.mean) / self.spread, -self.reach, self.reach)
        return scaled.astype(np.float32)


@dataclass(frozen=True, slots=True)
class Shared:
    """Fitted networks of one shape."""

    scale: Scale
    networks: tuple[Network, ...]

    def outputs(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return the networks' mean output: logits, then numbers, float64 (n, k)."""
        near = self.scale.apply(inputs)
        said = [_forward(near, network).astype(np.float64) for network in self.networks]
        mean: FloatMatrix = np.mean(said, axis=0)
        return mean


def fit_shared(
    rows: Rows,
    *,
    dimension: int,
    settings: SharedSettings,
    seed: int,
    otherwise: Otherwise | None = None,
    start: Shared | None = None,
) -> Shared:
    """Fit networks to the known targets.

    Args:
        rows: Inputs with targets.
        dimension: Width of the vector part of the inputs.
        settings: Sizes and steps.
        seed: Of weights, order and dropout.
        otherwise: Gives the inputs of the share ``settings.moved`` of the rows, anew in each pass;
            their targets stay. None leaves every row as it is.
        start: Networks with k outputs to go on from; None starts from small random weights.
    """
    scale = Scale.of(rows.inputs, dimension) if start is None else start.scale
    near = scale.apply(rows.inputs)
    widths = (near.shape[1], *settings.hidden, rows.targets.shape[1])
    networks = []
    for number in range(settings.networks):
        generator = np.random.default_rng((seed, number))
        first = _start(widths, generator) if start is None else start.networks[number]
        seen = _Seen(rows, near, scale, otherwise, settings.moved)
        networks.append(_fit_one([one.copy() for one in first], seen, settings, generator))
    return Shared(scale, tuple(networks))


@dataclass(frozen=True, slots=True)
class _Seen:
    """The rows as the passes see them."""

    rows: Rows
    near: Float32Matrix
    scale: Scale
    otherwise: Otherwise | None
    moved: float

    def in_a_pass(self, generator: np.random.Generator) -> Float32Matrix:
        """Return scaled inputs (n, d), some of them written otherwise."""
        if self.otherwise is None:
            return self.near
        moved = np.flatnonzero(generator.random(len(self.near)) < self.moved)
        seen = self.near.copy()
        seen[moved] = self.scale.apply(self.otherwise(self.rows.inputs[moved], generator))
        return seen


def _forward(inputs: Float32Matrix, network: Network) -> Float32Matrix:
    values = inputs
    for place in range(0, len(network), 2):
        values = values @ network[place] + network[place + 1]
        if place + 2 < len(network):
            values = np.maximum(values, 0.0)
    return values


def _fit_one(
    network: list[Float32Matrix],
    seen: _Seen,
    settings: SharedSettings,
    generator: np.random.Generator,
) -> Network:
    rows = seen.rows
    moments = [(np.zeros_like(one), np.zeros_like(one)) for one in network]
    steps = settings.passes * -(-len(rows.inputs) // settings.batch)
    step = 0
    for _ in range(settings.passes):
        inputs = seen.in_a_pass(generator)
        order = generator.permutation(len(inputs))
        for start in range(0, len(inputs), settings.batch):
            chosen = order[start : start + settings.batch]
            batch = Rows(
                inputs[chosen], rows.targets[chosen], rows.counts[chosen], rows.probabilities
            )
            slopes = _slopes(batch, network, settings, generator)
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
    batch: Rows,
    network: list[Float32Matrix],
    settings: SharedSettings,
    generator: np.random.Generator,
) -> list[Float32Matrix]:
    """Return the gradient of the mean weighted loss by weights and biases."""
    masks, values = [], [batch.inputs]
    for place in range(0, len(network), 2):
        hidden_share = settings.dropout if place else settings.input_dropout
        mask = _mask(values[-1].shape, hidden_share, generator)
        masks.append(mask)
        values[-1] = values[-1] * mask
        linear = values[-1] @ network[place] + network[place + 1]
        values.append(linear if place + 2 == len(network) else np.maximum(linear, 0.0))
    said = values[-1]
    chances = slice(0, batch.probabilities)
    said[:, chances] = sigmoid(said[:, chances])
    # Both losses have the same slope: what was said less what is so.
    known = max(float(batch.counts[:, chances].sum()), 1e-9)
    back = ((said - batch.targets) * batch.counts / known).astype(np.float32)
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
