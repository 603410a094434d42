"""The heads: one ONNX graph from vector and text features to a prediction per tier."""

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from router.errors import ArtifactError

Float32Matrix = npt.NDArray[np.float32]
_INPUTS = ("vector", "features")
OUTPUTS = ("adequacy", "output_tokens")
NOVELTY = "novelty"


class Heads:
    """Runs ``heads.onnx``. Immutable after construction, safe from several threads.

    Args:
        session: The opened graph.
        dimension: Width of the encoder's vectors.
        n_features: Number of text features.
        n_tiers: Number of tiers both outputs must have.

    Raises:
        ArtifactError: inputs or outputs have other names or shapes.
    """

    def __init__(
        self, session: ort.InferenceSession, *, dimension: int, n_features: int, n_tiers: int
    ) -> None:
        given = {item.name: list(item.shape)[1:] for item in session.get_inputs()}
        wanted: dict[str, list[int]] = {"vector": [dimension], "features": [n_features]}
        outputs = {item.name for item in session.get_outputs()}
        if given != wanted or outputs - {NOVELTY} != set(OUTPUTS):
            raise ArtifactError(
                f"heads.onnx takes {given} and gives {sorted(outputs)}; expected {wanted} and "
                f"{sorted(OUTPUTS)}: train again with 'make train'",
                reason="ARTIFACT_HEADS",
            )
        self._session = session
        self.outputs = (*OUTPUTS, NOVELTY) if NOVELTY in outputs else OUTPUTS
        # Two rows, so that a graph made for one row only is noticed.
        zeros = np.zeros((2, dimension), np.float32), np.zeros((2, n_features), np.float32)
        try:
            adequacy, output_tokens = self.run(*zeros)
        except Exception as error:  # onnxruntime raises several unrelated classes
            raise ArtifactError(
                f"heads.onnx cannot be run on float32 rows, any number at once ({error}): train "
                "again with 'make train'",
                reason="ARTIFACT_HEADS",
            ) from error
        if adequacy.shape != (2, n_tiers) or output_tokens.shape != (2, n_tiers):
            raise ArtifactError(
                f"heads.onnx predicts shapes {adequacy.shape} and {output_tokens.shape} for two "
                f"prompts; the manifest names {n_tiers} tiers: train again with 'make train'",
                reason="ARTIFACT_HEADS",
            )

    def run(
        self, vectors: Float32Matrix, features: Float32Matrix
    ) -> tuple[Float32Matrix, Float32Matrix]:
        """Return adequacy in [0, 1] and output tokens >= 0, float32, each of shape (n, n_tiers).

        Args:
            vectors: float32, shape (n, dimension).
            features: float32, shape (n, n_features).
        """
        adequacy, output_tokens = self._session.run(
            OUTPUTS, {"vector": vectors, "features": features}
        )
        return adequacy, output_tokens

    def run_all(self, vectors: Float32Matrix, features: Float32Matrix) -> list[Float32Matrix]:
        """Return adequacy and output tokens as ``run`` and, where the graph has it, novelty (n, 1).

        Args:
            vectors: float32, shape (n, dimension).
            features: float32, shape (n, n_features).
        """
        outputs: list[Float32Matrix] = self._session.run(
            self.outputs, {"vector": vectors, "features": features}
        )
        return outputs
