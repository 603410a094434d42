"""The last layer of heads that are one network: T logits of adequacy, then T log lengths.

How its outputs are read, and how calibration is folded into it. The networks before it are
``training.student`` and ``training.shared_heads``.
"""

import numpy as np
import numpy.typing as npt

from training.candidates import fit_calibration
from training.labels import Examples, Float32Matrix, FloatMatrix
from training.lengths import smearing
from training.members import sigmoid

Layer = tuple[Float32Matrix, npt.NDArray[np.float32]]
"""Weights (inputs, units) and bias (units,)."""


def adequacy_of(outputs: FloatMatrix) -> FloatMatrix:
    """Return P(adequate), float64 (n, T), that outputs (n, 2 T) say."""
    return sigmoid(outputs[:, : outputs.shape[1] // 2])


def tokens_of(outputs: FloatMatrix) -> FloatMatrix:
    """Return expected output tokens, float64 (n, T), >= 0, that outputs (n, 2 T) say."""
    kept: FloatMatrix = np.maximum(np.expm1(outputs[:, outputs.shape[1] // 2 :]), 0.0)
    return kept


def calibrated(layer: Layer, outputs: FloatMatrix, validation: Examples) -> Layer:
    """Return the layer with Platt scaling and the smearing factors folded in.

    Args:
        layer: As fitted.
        outputs: (n, 2 T) that it gives on the validation part.
        validation: n examples.
    """
    platt = fit_calibration(adequacy_of(outputs), validation.adequate)
    smear = smearing(np.log1p(tokens_of(outputs)), validation.output_tokens)
    slope = np.concatenate([platt.slope, np.ones(len(smear), np.float32)])
    offset = np.concatenate([platt.offset, np.log(smear)])
    weights, bias = layer
    return (weights * slope).astype(np.float32), (bias * slope + offset).astype(np.float32)
