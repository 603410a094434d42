"""Distil a sentence-transformer into one small int8 vector per token.

Every token of the vocabulary goes through the transformer once; PCA and frequency weights turn the
outputs into a table. The graph around the table is in ``graph``.

The method is Model2Vec's (Tulkens and van Dongen, 2024, https://github.com/MinishLab/model2vec):
PCA as in "All-but-the-top" (Mu and Viswanath, 2018, arXiv:1702.01417), SIF weights (Arora, Liang
and Ma, 2017, "A simple but tough-to-beat baseline for sentence embeddings") with frequencies taken
from Zipf's law over the rank of a token. Its own implementation renumbers the tokens; this one
keeps the model's ids and tokenizer.
"""

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from router.errors import TrainingError

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

SIF_COEFFICIENT = 1e-4
BATCH_TOKENS = 512
UNUSED_TOKEN = re.compile(r"\[unused\d+\]")


@dataclass(frozen=True, slots=True)
class TokenTable:
    """A quantised vector per token id: row i stands for ``values[i] * scales[i]``.

    Attributes:
        values: (vocabulary, dimension) int8 in [-127, 127]; all zero for ids no text produces.
        scales: (vocabulary,) float32, positive.
    """

    values: NDArray[np.int8]
    scales: NDArray[np.float32]


def distil(model: "SentenceTransformer", dimension: int) -> NDArray[np.float32]:
    """Make the weighted token vectors of a static encoder.

    Returns:
        (vocabulary, dimension) float32, rows in the order of the tokenizer's ids. The sum of the
        rows of a text, normalised, is its embedding.

    Raises:
        TrainingError: The tokenizer's ids have gaps, or the vocabulary is too small.
    """
    tokens = vocabulary(model)
    used = np.array([UNUSED_TOKEN.fullmatch(token) is None for token in tokens])
    with threadpool_limits(limits=1):  # the order of summation decides the last bits
        vectors = reduce_dimension(contextual_vectors(model, len(tokens))[used], dimension)
    table = np.zeros((len(tokens), dimension), dtype=np.float32)
    table[used] = vectors * zipf_weights(len(vectors))[:, None]
    return table


def vocabulary(model: "SentenceTransformer") -> tuple[str, ...]:
    """Return the tokens in the order of their ids.

    Raises:
        TrainingError: The ids are not 0, 1, 2, ... without a gap.
    """
    by_token: dict[str, int] = model.tokenizer.get_vocab()
    ids = sorted(by_token.values())
    if ids != list(range(len(by_token))):
        raise TrainingError(
            f"the tokenizer has {len(by_token)} tokens with ids up to {ids[-1]}: ids must be "
            "consecutive from 0; distil a model with a gapless vocabulary",
            reason="ENCODER_VOCABULARY_GAPS",
        )
    return tuple(sorted(by_token, key=by_token.__getitem__))


def contextual_vectors(model: "SentenceTransformer", n_tokens: int) -> NDArray[np.float32]:
    """Run ``[CLS] token [SEP]`` through the transformer for every token id below ``n_tokens``.

    Returns:
        (n_tokens, hidden) float32: the mean-pooled output before normalisation.
    """
    import torch

    tokenizer = model.tokenizer
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # the order of summation decides the last bits
    rows: list[NDArray[np.float32]] = []
    try:
        with torch.inference_mode(), tqdm(total=n_tokens, unit=" tokens", desc="distil") as bar:
            for start in range(0, n_tokens, BATCH_TOKENS):
                ids = torch.arange(start, min(start + BATCH_TOKENS, n_tokens))
                first = torch.full_like(ids, tokenizer.cls_token_id)
                last = torch.full_like(ids, tokenizer.sep_token_id)
                texts = torch.stack([first, ids, last], dim=1)
                batch = {"input_ids": texts, "attention_mask": torch.ones_like(texts)}
                pooled = model[1](model[0](batch))["sentence_embedding"]
                rows.append(pooled.numpy())
                bar.update(len(ids))
    finally:
        torch.set_num_threads(threads)
    return np.concatenate(rows)


def reduce_dimension(vectors: NDArray[np.float32], dimension: int) -> NDArray[np.float64]:
    """Project rows on their first principal components; also takes away their common mean.

    Returns:
        (n, dimension) float64.

    Raises:
        TrainingError: ``dimension`` exceeds the number of rows or columns.
    """
    if not 1 <= dimension <= min(vectors.shape):
        raise TrainingError(
            f"dimension {dimension} does not fit {vectors.shape[0]} token vectors of "
            f"{vectors.shape[1]} numbers: choose between 1 and {min(vectors.shape)}",
            reason="ENCODER_DIMENSION",
        )
    pca = PCA(n_components=dimension, svd_solver="covariance_eigh")
    reduced: NDArray[np.float64] = pca.fit_transform(vectors.astype(np.float64))
    return reduced


def zipf_weights(n_tokens: int) -> NDArray[np.float64]:
    """Return SIF weights a / (a + p) with p = Zipf's share of a token's rank (its id order).

    Returns:
        (n_tokens,) float64 in (0, 1), rising with the rank: common tokens count little.
    """
    inverse_rank = 1.0 / np.arange(2, n_tokens + 2)
    share = inverse_rank / inverse_rank.sum()
    return np.asarray(SIF_COEFFICIENT / (SIF_COEFFICIENT + share), dtype=np.float64)


def quantise(vectors: NDArray[np.float32]) -> TokenTable:
    """Round every row to int8 with its own scale, so that small weights lose no precision."""
    largest = np.abs(vectors).max(axis=1)
    scales = np.where(largest > 0.0, largest / 127.0, 1.0).astype(np.float32)
    values = np.rint(vectors / scales[:, None]).clip(-127, 127).astype(np.int8)
    return TokenTable(values, scales)
