"""Build the default encoder: a static token table behind an ONNX graph, checked before it is kept.

The steps are elsewhere (``distil``, ``graph``, ``export``); this is their order.
"""

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from router.errors import TrainingError
from training.encoder.distil import distil, quantise, vocabulary
from training.encoder.export import Encoder, tokenizer_json
from training.encoder.graph import static_graph
from training.encoder.run import Embedder
from training.encoder.source import Source

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

DIMENSION = 128
MAX_TOKENS = 64
CHECK_TEXTS = 300
MIN_COSINE = 0.999
METHOD = (
    "every token through the transformer, mean pooled; PCA; Zipf/SIF weights (a=1e-4); int8 rows "
    "with a float32 scale each; normalised sum over tokens (after Model2Vec)"
)


def build_static(
    model: "SentenceTransformer", source: Source, *, dimension: int = DIMENSION
) -> Encoder:
    """Distil ``model`` into a static encoder of ``dimension`` numbers.

    Raises:
        TrainingError: The model does not suit, or int8 rows lose more than the check allows.
    """
    vectors = distil(model, dimension)
    onnx = static_graph(quantise(vectors))
    ids = random_word_ids(vocabulary(model), CHECK_TEXTS)
    cosine = cosines(Embedder(onnx), vectors, ids)
    if not cosine.min() >= MIN_COSINE:  # also when it is not a number
        raise TrainingError(
            f"int8 embeddings agree with float ones only to a cosine of {cosine.min():.5f}, "
            f"allowed is {MIN_COSINE}: the token table does not suit 8 bits",
            reason="ENCODER_PARITY",
        )
    return Encoder(
        name=f"static-minilm-{dimension}",
        kind="static",
        dimension=dimension,
        max_tokens=MAX_TOKENS,
        adds_special_tokens=False,
        method=METHOD,
        source=source,
        onnx=onnx,
        tokenizer=tokenizer_json(model.tokenizer.backend_tokenizer.to_str(), special_tokens=False),
        checks={
            "random_texts": CHECK_TEXTS,
            "int8_cosine_min": round(float(cosine.min()), 4),
            "int8_cosine_mean": round(float(cosine.mean()), 4),
        },
    )


def random_word_ids(tokens: tuple[str, ...], n_texts: int) -> list[NDArray[np.int64]]:
    """Draw texts of 4 to 60 random whole-word tokens, each a (n_tokens,) array of ids."""
    words = np.array([i for i, token in enumerate(tokens) if token.isalpha()], dtype=np.int64)
    generator = np.random.default_rng(0)
    lengths = generator.integers(4, 61, size=n_texts)
    return [generator.choice(words, size=length) for length in lengths]


def cosines(
    embedder: Embedder, vectors: NDArray[np.float32], texts: list[NDArray[np.int64]]
) -> NDArray[np.float64]:
    """Compare the graph with plain sums of the float vectors, one cosine per text."""
    found = np.concatenate([embedder.embed(ids[None]) for ids in texts]).astype(np.float64)
    wanted = np.stack([vectors[ids].sum(axis=0, dtype=np.float64) for ids in texts])
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    return np.asarray((found * wanted).sum(axis=1), dtype=np.float64)
