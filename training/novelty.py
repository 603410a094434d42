"""Novelty: how far a prompt is from everything learnt, as nodes beside the heads.

The distance is Mahalanobis' to the nearest of a few cluster centres, with one covariance for all
(Lee, Lee, Lee and Shin 2018, arXiv 1807.03888, with clusters for classes), over vector and text
features. Novelty is its quantile among the prompts that were learnt from: at .99 only one of
a hundred of those lay farther. It changes no prediction and no choice: rules that made it do so
were measured and are not worth it (docs/robustness.md).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper
from sklearn.cluster import KMeans

from router.predict.heads import NOVELTY
from training.graph_builder import GraphBuilder
from training.labels import Examples, Float32Matrix, FloatMatrix

BOUND = 8.0
"""Inputs are cut at this many standard deviations."""

KNOTS = (*np.arange(0.0, 0.9, 0.1).tolist(), 0.9, 0.925, 0.95, 0.97, 0.98, 0.99, 0.995, 1.0)
"""Quantiles that are kept; between them novelty is linear in the distance."""

_CLUSTERS = 16
_RIDGE = 0.05
_SMALLEST_STEP = 1e-3


@dataclass(frozen=True, slots=True)
class Novelty:
    """Distance, quantiles and means; d inputs, K clusters; all float32.

    Attributes:
        low: (d,) least value an input is read as.
        high: (d,) greatest.
        whiten: (d, d).
        shift: (d,); inputs @ whiten + shift have unit covariance within a cluster.
        centres: (K, d) of the whitened inputs.
        distances: squared distances at the quantiles of ``KNOTS``, growing.
    """

    low: npt.NDArray[np.float32]
    high: npt.NDArray[np.float32]
    whiten: Float32Matrix
    shift: npt.NDArray[np.float32]
    centres: Float32Matrix
    distances: npt.NDArray[np.float32]

    def of(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return the novelty of inputs (n, d): float64 (n, 1) in [0, 1]."""
        white = np.clip(inputs, self.low, self.high).astype(np.float64) @ self.whiten + self.shift
        squared = _nearest(white, self.centres)
        novelty: FloatMatrix = np.interp(squared, self.distances, KNOTS)[:, None]
        return novelty


def fit_novelty(train: Examples, seed: int) -> Novelty:
    """Fit distance and quantiles on what is learnt from; copies of one prompt count once.

    A distance fitted on half of the duplicate groups measures the other half and the reverse, so
    that the quantiles are those of prompts the distance has not seen.

    Args:
        train: Training part, prior included.
        seed: Of the halves and of the clusters.
    """
    inputs, first = np.unique(train.inputs.astype(np.float64), axis=0, return_index=True)
    names, group = np.unique(train.groups[first], return_inverse=True)
    second = (np.random.default_rng(seed).permutation(len(names)) % 2).astype(bool)[group]
    distances = np.concatenate(
        [_squared_distance(_fit(inputs[half], seed), inputs[~half]) for half in (second, ~second)]
    )
    low, high, whiten, shift, centres = _fit(inputs, seed)
    at_knots = np.quantile(distances, KNOTS)
    growing = np.maximum.accumulate(at_knots + _SMALLEST_STEP * np.arange(len(KNOTS)))
    return Novelty(
        *(part.astype(np.float32) for part in (low, high, whiten, shift, centres, growing))
    )


def add_novelty(heads: onnx.ModelProto, novelty: Novelty, dimension: int) -> onnx.ModelProto:
    """Return the heads with an output ``novelty`` (n, 1) beside the others.

    Args:
        heads: Graph of ``vector`` and ``features`` to ``adequacy`` and ``output_tokens``.
        novelty: Of the same inputs.
        dimension: Width of the vector part of the inputs.
    """
    model = onnx.ModelProto()
    model.CopyFrom(heads)
    graph = model.graph
    builder = GraphBuilder(prefix="novelty_")
    inputs = builder.node("Concat", "vector", "features", axis=1)
    raised = builder.node("Max", inputs, builder.constant(novelty.low))
    bounded = builder.node("Min", raised, builder.constant(novelty.high))
    white = builder.node(
        "Gemm", bounded, builder.constant(novelty.whiten), builder.constant(novelty.shift)
    )
    # |x - c|^2 = |x|^2 - 2 x.c + |c|^2, without a tensor of all differences.
    own = builder.node("ReduceSumSquare", white, builder.constant([1], np.int64), keepdims=1)
    beside = builder.node(
        "Gemm",
        white,
        builder.constant(-2.0 * novelty.centres.T),
        builder.constant((novelty.centres**2).sum(axis=1)),
    )
    nearest = builder.node("ReduceMin", beside, builder.constant([1], np.int64), keepdims=1)
    squared = builder.node("Add", own, nearest)
    # Each step between two knots is passed by a share in [0, 1]; novelty adds up the steps.
    steps = np.diff(novelty.distances)
    passed = builder.node(
        "Clip",
        builder.node(
            "Gemm",
            squared,
            builder.constant(1.0 / steps[None, :]),
            builder.constant(-novelty.distances[:-1] / steps),
        ),
        builder.constant(0.0),
        builder.constant(1.0),
    )
    builder.node("MatMul", passed, builder.constant(np.diff(KNOTS)[:, None]), output=NOVELTY)
    graph.node.extend(builder.nodes)
    graph.initializer.extend(builder.constants)
    graph.output.append(helper.make_tensor_value_info(NOVELTY, TensorProto.FLOAT, ["n", 1]))
    onnx.checker.check_model(model)
    return model


_Fitted = tuple[FloatMatrix, FloatMatrix, FloatMatrix, FloatMatrix, FloatMatrix]


def _fit(inputs: FloatMatrix, seed: int) -> _Fitted:
    """Return low, high, whiten, shift and centres of inputs (n, d)."""
    mean = inputs.mean(axis=0)
    spread = inputs.std(axis=0)
    varies = spread > 1e-6
    spread = np.where(varies, spread, 1.0)
    low, high = mean - BOUND * spread * varies, mean + BOUND * spread * varies
    scaled = (np.clip(inputs, low, high) - mean) / spread
    clusters = KMeans(min(_CLUSTERS, len(inputs)), n_init=1, random_state=seed).fit(scaled)
    within = scaled - clusters.cluster_centers_[clusters.labels_]
    width = inputs.shape[1]
    covariance = (1.0 - _RIDGE) * np.cov(within.T) + _RIDGE * np.eye(width)
    root = np.linalg.cholesky(np.linalg.inv(covariance))
    whiten = root / spread[:, None]
    return low, high, whiten, -mean @ whiten, clusters.cluster_centers_ @ root


def _squared_distance(fitted: _Fitted, inputs: FloatMatrix) -> FloatMatrix:
    low, high, whiten, shift, centres = fitted
    return _nearest(np.clip(inputs, low, high) @ whiten + shift, centres)


def _nearest(white: FloatMatrix, centres: npt.NDArray[np.floating]) -> FloatMatrix:
    """Return the squared distance of each row (n, d) to the nearest centre (K, d): (n,)."""
    to_all = (white**2).sum(axis=1)[:, None] - 2.0 * white @ centres.T + (centres**2).sum(axis=1)
    nearest: FloatMatrix = to_all.min(axis=1)
    return nearest
