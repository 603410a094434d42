"""One rectified network by gradient descent, in plain NumPy.

Backpropagation with dropout (Srivastava et al. 2014), AdamW (Loshchilov and Hutter 2019). Scaling
of inputs and averaging of networks is ``training.shared``.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from training.labels import Float32Matrix

_DECAY = 1e-4
_RISING = 0.2
"""Share of the steps in which the step size rises; then it falls, both along a cosine."""

Network = tuple[Float32Matrix, ...]
"""Weights (inputs, units) and bias (1, units) of each layer, taking turns."""


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


def forward(inputs: Float32Matrix, network: Network) -> Float32Matrix:
    """Return the outputs for scaled inputs (n, d): logits and numbers, float32 (n, k)."""
    values = inputs
    for place in range(0, len(network), 2):
        values = values @ network[place] + network[place + 1]
        if place + 2 < len(network):
            values = np.maximum(values, 0.0)
    return values


def descend(
    network: list[Float32Matrix],
    rows: Rows,
    in_a_pass: Callable[[np.random.Generator], Float32Matrix],
    settings: SharedSettings,
    generator: np.random.Generator,
) -> Network:
    """Go on from a network, whose arrays are changed.

    Args:
        network: Weights and biases in turn.
        rows: Targets; inputs are those of ``in_a_pass``.
        in_a_pass: Gives scaled inputs (n, d) as the next pass sees them.
        settings: Steps.
        generator: Of order, dropout and changes.
    """
    moments = [(np.zeros_like(one), np.zeros_like(one)) for one in network]
    steps = settings.passes * -(-len(rows.inputs) // settings.batch)
    step = 0
    for _ in range(settings.passes):
        inputs = in_a_pass(generator)
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


def start_of(widths: tuple[int, ...], generator: np.random.Generator) -> list[Float32Matrix]:
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
    said[:, chances] = 1.0 / (1.0 + np.exp(-said[:, chances]))
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
