"""Export the sentence-transformer itself to ONNX, behind the same interface as the static encoder.

Pooling and normalisation are part of the graph. It goes through PyTorch's TorchScript exporter:
the newer one needs further packages, and the parity check here tells if the older one ever fails.
"""

import io
import warnings

import numpy as np
import torch
from sentence_transformers import SentenceTransformer

from router.errors import TrainingError
from training.encoder.export import Encoder, tokenizer_json
from training.encoder.run import Embedder
from training.encoder.source import MODEL_NAME, Source

OPSET = 18
MIN_COSINE = 0.9999
METHOD = "the transformer as published: mean pooling and normalisation inside the graph"
CHECK_TEXTS = (
    "Sort a list of names by their last letter.",
    "Why does bread dough need time to rest before it goes into the oven?",
    "7 * (3 + 4) = ?",
    "Translate 'the harbour is closed in winter' into French and explain each verb form.",
    "Hello!",
)


class _Pooled(torch.nn.Module):  # type: ignore[misc]  # torch is not followed by mypy
    """The transformer with mean pooling and normalisation, as one module to trace."""

    def __init__(self, transformer: torch.nn.Module) -> None:
        super().__init__()
        self.transformer = transformer

    def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
        mask = attention_mask.to(torch.float32)
        # Already in its final form: building it inside the model branches on the shapes it sees,
        # and a trace would freeze the branch.
        blocked = (1.0 - mask[:, None, None, :]) * torch.finfo(torch.float32).min
        output = self.transformer(input_ids=input_ids, attention_mask=blocked)
        weight = mask.unsqueeze(-1)
        count = weight.sum(dim=1).clamp(min=1e-9)
        mean = (output.last_hidden_state * weight).sum(dim=1) / count
        return torch.nn.functional.normalize(mean, dim=-1)


def build_transformer(model: SentenceTransformer, source: Source) -> Encoder:
    """Export ``model`` and compare the graph with it.

    Raises:
        TrainingError: The graph does not give what the model gives.
    """
    onnx = transformer_graph(model)
    cosine = parity(model, onnx)
    if not cosine >= MIN_COSINE:
        raise TrainingError(
            f"the exported transformer agrees with the model only to a cosine of {cosine:.6f}, "
            f"allowed is {MIN_COSINE}: it must be mean pooled and normalised, and the installed "
            "torch and transformers must be the pinned versions",
            reason="ENCODER_PARITY",
        )
    return Encoder(
        name=f"transformer-{MODEL_NAME.lower()}",
        kind="transformer",
        dimension=int(model.get_embedding_dimension() or 0),
        max_tokens=int(model.max_seq_length or 0),
        adds_special_tokens=True,
        method=METHOD,
        source=source,
        onnx=onnx,
        tokenizer=tokenizer_json(model.tokenizer.backend_tokenizer.to_str(), special_tokens=True),
        checks={"texts": len(CHECK_TEXTS), "parity_cosine_min": round(cosine, 4)},
    )


def transformer_graph(model: SentenceTransformer) -> bytes:
    """Trace the transformer from ids and mask to the normalised mean of its outputs.

    Inputs and output are those of ``graph.static_graph``; a row whose mask is all zero gives the
    zero vector. At least one token column is needed.

    Returns:
        The serialised model: equal bytes for equal weights and library versions.

    Raises:
        TrainingError: The model does not begin with a transformer.
    """
    transformer = getattr(model[0], "auto_model", None)
    if not isinstance(transformer, torch.nn.Module):
        raise TrainingError(
            f"the first module of the model is {type(model[0]).__name__}, not a transformer: "
            "only transformers can be exported",
            reason="ENCODER_NOT_A_TRANSFORMER",
        )
    example = torch.ones(2, 7, dtype=torch.long)
    batch_tokens = {0: "batch", 1: "tokens"}
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            _Pooled(transformer).eval(),
            (example, example),
            buffer,
            input_names=["input_ids", "attention_mask"],
            output_names=["embedding"],
            dynamic_axes={
                "input_ids": batch_tokens,
                "attention_mask": batch_tokens,
                "embedding": {0: "batch"},
            },
            opset_version=OPSET,
            dynamo=False,
        )
    return buffer.getvalue()


def parity(model: SentenceTransformer, onnx: bytes) -> float:
    """Return the smallest cosine between graph and model over a padded batch of own sentences."""
    tokens = model.tokenizer(list(CHECK_TEXTS), padding="longest", return_tensors="np")
    found = Embedder(onnx).embed(
        tokens["input_ids"].astype(np.int64), tokens["attention_mask"].astype(np.int64)
    )
    wanted = np.asarray(model.encode(list(CHECK_TEXTS), show_progress_bar=False))
    return float((found * wanted).sum(axis=1).min())
