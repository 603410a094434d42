"""The parity gate: the exported graph must give what the fitted candidate gives.

Trees compare float32 inputs with float32 thresholds in the graph and with float64 ones in
LightGBM, so a value that lies on a threshold may take the other branch: nearly all rows must agree
closely, and none may differ much.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import onnx
import onnxruntime as ort

from router.errors import TrainingError
from training.labels import Float32Matrix, FloatMatrix

_CLOSE = 1e-4
_CLOSE_SHARE = 0.99
_NEVER_MORE = 0.02


class GivesAdequacy(Protocol):
    """A fitted candidate or student."""

    def adequacy(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return calibrated P(adequate), (n, T)."""


class GivesTokens(Protocol):
    """Fitted lengths or a student."""

    def tokens(self, inputs: Float32Matrix) -> FloatMatrix:
        """Return expected output tokens, (n, T)."""


@dataclass(frozen=True, slots=True)
class Parity:
    """Largest and 99th-percentile absolute difference in adequacy and in log(1 + tokens)."""

    adequacy_max: float
    adequacy_p99: float
    log_tokens_max: float
    log_tokens_p99: float


def check_parity(
    heads: onnx.ModelProto,
    candidate: GivesAdequacy,
    lengths: GivesTokens,
    inputs: Float32Matrix,
    dimension: int,
) -> Parity:
    """Compare the graph with what was fitted, on float32 inputs (n, dimension + n_features), n > 0.

    Raises:
        TrainingError: they differ by more than the stated tolerances.
    """
    session = ort.InferenceSession(heads.SerializeToString(), providers=["CPUExecutionProvider"])
    adequacy, tokens = session.run(
        ["adequacy", "output_tokens"],
        {"vector": inputs[:, :dimension], "features": inputs[:, dimension:]},
    )
    of_adequacy = np.abs(adequacy - candidate.adequacy(inputs))
    of_tokens = np.abs(np.log1p(tokens) - np.log1p(lengths.tokens(inputs)))
    if not (np.isfinite(of_adequacy).all() and np.isfinite(of_tokens).all()):
        raise TrainingError(
            "the exported graph, or the fitted candidate, gives numbers that are not finite. "
            "Nothing was exported",
            reason="PARITY_GATE",
        )
    parity = Parity(
        float(of_adequacy.max()),
        float(np.quantile(of_adequacy, _CLOSE_SHARE)),
        float(of_tokens.max()),
        float(np.quantile(of_tokens, _CLOSE_SHARE)),
    )
    if max(parity.adequacy_p99, parity.log_tokens_p99) > _CLOSE or (
        max(parity.adequacy_max, 0.1 * parity.log_tokens_max) > _NEVER_MORE
    ):
        raise TrainingError(
            f"the exported graph does not give what was fitted: {parity}; allowed are {_CLOSE} at "
            f"the 99th percentile and {_NEVER_MORE} at most. Nothing was exported",
            reason="PARITY_GATE",
        )
    return parity
