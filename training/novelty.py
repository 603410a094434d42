"""Novelty: how far a prompt is from everything learnt, as nodes beside the heads.

The distance is Mahalanobis' (1936) over vector and text features, its covariance shrunk towards a
diagonal one. Novelty is its quantile among the prompts that were learnt from: at .99 only one of a
hundred of those lay farther. It changes no prediction and no choice: rules that made it do so were
measured and are not worth it (docs/robustness.md).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper

from router.predict.heads import NOVELTY
from training.graph_builder import GraphBuilder
from training.labels import Examples, Float32Matrix, FloatMatrix

KNOTS = (*np.arange(0.0, 0.9, 0.1).tolist(), 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 1.0)
"""Quantiles that are kept; between them novelty is linear in the squared distance."""

_SHRINKAGE = 0.05
_SMALLEST_STEP = 1e-3


@dataclass(frozen=True, slots=True)
class Novelty:
    """Distance and its quantiles for d inputs; all float32.

    Attributes:
        whiten: (d, d).
        shift: (d,); inputs @ whiten + shift have mean 0 and nearly unit covariance.
        distances: (len(KNOTS),) squared distances at the quantiles of ``KNOTS``, growing.
    """

    whiten: Float32Matrix
    shift: npt.NDArray[np.float32]
    distances: npt.NDArray[np.float32]

    def of(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return the novelty of inputs (n, d): float64 (n, 1) in [0, 1]."""
        squared = _squared(inputs.astype(np.float64), (self.whiten, self.shift))
        novelty: FloatMatrix = np.interp(squared, self.distances, KNOTS)[:, None]
        return novelty


def fit_novelty(train: Examples, seed: int) -> Novelty:
    """Fit distance and quantiles on what is learnt from; copies of one prompt count once.

    A distance fitted on half of the duplicate groups measures the other half and the reverse, so
    that the quantiles are those of prompts the distance has not seen.

    Args:
        train: Training part, prior included.
        seed: Of the halves.
    """
    inputs, first = np.unique(train.inputs.astype(np.float64), axis=0, return_index=True)
    names, group = np.unique(train.groups[first], return_inverse=True)
    second = (np.random.default_rng(seed).permutation(len(names)) % 2).astype(bool)[group]
    squared = [_squared(inputs[~half], _whitening(inputs[half])) for half in (second, ~second)]
    at_knots = np.quantile(np.concatenate(squared), KNOTS)
    # Ties would make a step of no width.
    growing = np.maximum.accumulate(at_knots) + _SMALLEST_STEP * np.arange(len(KNOTS))
    whiten, shift = _whitening(inputs)
    return Novelty(whiten.astype(np.float32), shift.astype(np.float32), growing.astype(np.float32))


def add_novelty(heads: onnx.ModelProto, novelty: Novelty) -> onnx.ModelProto:
    """Return the heads with an output ``novelty`` (n, 1) beside the others.

    Args:
        heads: Graph of ``vector`` and ``features`` to ``adequacy`` and ``output_tokens``.
        novelty: Of the same inputs.
    """
    builder = GraphBuilder(prefix="novelty_")
    inputs = builder.node("Concat", "vector", "features", axis=1)
    white = builder.node(
        "Gemm", inputs, builder.constant(novelty.whiten), builder.constant(novelty.shift)
    )
    # Each step between two knots is passed by a share in [0, 1], and novelty adds up the steps.
    # The sum of squares over a step's width is one product with a constant matrix.
    steps = np.diff(novelty.distances.astype(np.float64))
    passed = builder.node(
        "Gemm",
        builder.node("Mul", white, white),
        builder.constant(np.tile(1.0 / steps, (len(novelty.shift), 1))),
        builder.constant(-novelty.distances[:-1] / steps),
    )
    shares = builder.node("Clip", passed, builder.constant(0.0), builder.constant(1.0))
    builder.node("MatMul", shares, builder.constant(np.diff(KNOTS)[:, None]), output=NOVELTY)
    model = onnx.ModelProto()
    model.CopyFrom(heads)
    model.graph.node.extend(builder.nodes)
    model.graph.initializer.extend(builder.constants)
    model.graph.output.append(helper.make_tensor_value_info(NOVELTY, TensorProto.FLOAT, ["n", 1]))
    onnx.checker.check_model(model)
    return model


_Whitening = tuple[npt.NDArray[np.floating], npt.NDArray[np.floating]]


def _whitening(inputs: FloatMatrix) -> _Whitening:
    """Return matrix (d, d) and shift (d,) that whiten inputs (n, d)."""
    spread = inputs.std(axis=0)
    spread = np.where(spread > 1e-6, spread, 1.0)
    correlation = np.cov((inputs / spread).T)
    shrunk = (1.0 - _SHRINKAGE) * correlation + _SHRINKAGE * np.eye(len(spread))
    whiten = np.linalg.cholesky(np.linalg.inv(shrunk)) / spread[:, None]
    return whiten, -inputs.mean(axis=0) @ whiten


def _squared(inputs: FloatMatrix, whitening: _Whitening) -> FloatMatrix:
    """Return the squared distances of inputs (n, d): (n,)."""
    whiten, shift = whitening
    squared: FloatMatrix = ((inputs @ whiten + shift) ** 2).sum(axis=1)
    return squared
