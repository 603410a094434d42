"""A static encoder and the heads in one graph: one prompt, one call of the runtime.

Most such graphs are plain enough to do without the runtime (``plain``); this is for the others. It
gives what the encoder and the heads give one after the other, which is checked with the golden
rows; those two stay for many prompts at once and for whoever has vectors but no texts.
"""

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from router.errors import ArtifactError
from router.predict.heads import Float32Matrix, Heads

_INPUTS = {"input_ids", "features"}


class Fused:
    """Runs ``fused.onnx``. Immutable after construction, safe from several threads.

    Args:
        session: The opened graph.
        dimension: Width of the encoder's vectors.
        heads: Stand in for a prompt without tokens, whose vector is zero.

    Raises:
        ArtifactError: inputs or outputs have other names.
    """

    def __init__(self, session: ort.InferenceSession, heads: Heads, *, dimension: int) -> None:
        inputs = {item.name for item in session.get_inputs()}
        outputs = {item.name for item in session.get_outputs()}
        if inputs != _INPUTS or outputs != set(heads.outputs):
            raise ArtifactError(
                f"fused.onnx takes {sorted(inputs)} and gives {sorted(outputs)}; expected "
                f"{sorted(_INPUTS)} and {sorted(heads.outputs)}: train again with 'make train'",
                reason="ARTIFACT_FUSED",
            )
        self._session = session
        self._heads = heads
        self._no_vector = np.zeros((1, dimension), dtype=np.float32)

    def run(self, ids: npt.NDArray[np.int64], features: list[float]) -> list[list[float]]:
        """Return what the heads' ``run_all`` gives, for one prompt: a row of each output.

        Args:
            ids: Token ids, int64, shape (n,); none stand for a vector of zeros.
            features: Text features of the same text.
        """
        row = np.array([features], dtype=np.float32)
        outputs: list[Float32Matrix] = (
            self._session.run(self._heads.outputs, {"input_ids": ids, "features": row})
            if len(ids)
            else self._heads.run_all(self._no_vector, row)
        )
        return [output[0].tolist() for output in outputs]
