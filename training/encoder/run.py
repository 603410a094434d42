"""Run an encoder graph the way serving does, for the checks made while building one."""

import numpy as np
import onnxruntime
from numpy.typing import NDArray


class Embedder:
    """An ONNX Runtime session over a serialised graph, on one thread."""

    def __init__(self, onnx: bytes) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.inter_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(
            onnx, options, providers=["CPUExecutionProvider"]
        )

    def embed(
        self, input_ids: NDArray[np.int64], attention_mask: NDArray[np.int64] | None = None
    ) -> NDArray[np.float32]:
        """Embed a batch of texts.

        Args:
            input_ids: (batch, tokens) int64.
            attention_mask: (batch, tokens) int64, 1 where a token counts; None counts all.

        Returns:
            (batch, dimension) float32.
        """
        mask = np.ones_like(input_ids) if attention_mask is None else attention_mask
        feed = {"input_ids": input_ids, "attention_mask": mask}
        (embedding,) = self._session.run(["embedding"], feed)
        return np.asarray(embedding, dtype=np.float32)
