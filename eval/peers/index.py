"""Prompts through aurelio's ``semantic-router`` with our encoder: a route per tier.

Its utterances are the known prompts, each under the cheapest tier that was adequate. The encoder is
a look-up of the vectors that ship with the outcomes, so no text is needed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.outcomes import OutcomeTable
from eval.peers.names import INDEXES, index_columns
from eval.split import fold_of_groups

PACKAGE = "semantic-router"


def cheapest_adequate(quality: FloatArray, adequate_quality: float) -> IntArray:
    """Label prompts by the lowest adequate tier: (n,); the lowest where none is, which costs least.

    Args:
        quality: (n, tiers).
        adequate_quality: Quality from which an answer is adequate.
    """
    labels: IntArray = np.argmax(quality >= adequate_quality, axis=1)
    return labels


def build_index(
    vector_of: Callable[[Sequence[Any]], FloatArray],
    utterances: Sequence[Any],
    labels: IntArray,
    tiers: tuple[str, ...],
    *,
    neighbours: int,
    aggregation: str,
) -> Any:
    """Build the package's ``IndexedRouter``.

    Args:
        vector_of: From utterances to (k, d) vectors.
        utterances: What the encoder is given: texts, or names of stored vectors.
        labels: (n,) position of each utterance's tier.
        tiers: Names of the routes; one without an utterance gets no route.
        neighbours: How many are looked at.
        aggregation: ``mean``, ``max`` or ``sum`` of a route's similarities among them.
    """
    from semantic_router import IndexedRouter, Route
    from semantic_router.encoders import DenseEncoder

    class Ours(DenseEncoder):  # type: ignore[misc]  # the package is not there when types are checked
        def __call__(self, docs: list[Any]) -> list[list[float]]:
            vectors: list[list[float]] = vector_of(docs).tolist()
            return vectors

    routes = [
        Route(
            name=tier,
            utterances=[u for u, label in zip(utterances, labels, strict=True) if label == i],
        )
        for i, tier in enumerate(tiers)
    ]
    return IndexedRouter(
        encoder=Ours(name="ours"),
        routes=[route for route in routes if route.utterances],
        top_k=neighbours,
        aggregation=aggregation,
    )


def index_scores(
    known: OutcomeTable,
    labels: IntArray,
    asked: OutcomeTable,
    tiers: tuple[str, ...],
    *,
    neighbours: int,
    aggregation: str,
) -> FloatArray:
    """Score prompts against the known ones: (n, tiers), 0 for a route without a hit."""
    from semantic_router.routers.base import run

    vectors = np.concatenate([known.vectors, asked.vectors]).astype(np.float64)
    names = [str(i) for i in range(len(vectors))]
    router = build_index(
        lambda docs: vectors[[int(doc) for doc in docs]],
        names[: len(known)],
        labels,
        tiers,
        neighbours=neighbours,
        aggregation=aggregation,
    )
    # The public call drops the routes that are not chosen; their scores make the operating curve.
    found = run(router._scores_many(names[len(known) :]))  # noqa: SLF001
    return np.array([[row.get(tier, 0.0) for tier in tiers] for row in found])


def index_folds(
    table: OutcomeTable, adequate_quality: float, tiers: tuple[str, ...], seed: int, folds: int
) -> tuple[IntArray, dict[str, FloatArray]]:
    """Score every prompt by indexes that hold no prompt of its fold.

    Args:
        table: n prompts with the tiers' reference models as columns.
        adequate_quality: Quality from which an answer is adequate.
        tiers: Names of the tiers.
        seed: Of the folds, as in ``training.crossval``.
        folds: How many.

    Returns:
        (n,) folds, and columns of (n,) scores.
    """
    fold_of = fold_of_groups(table.group, seed, folds)
    columns: dict[str, FloatArray] = {}
    for index, (neighbours, aggregation) in INDEXES.items():
        scores = np.zeros((len(table), len(tiers)))
        for fold in range(folds):
            asked = fold_of == fold
            known = table.select(~asked)
            labels = cheapest_adequate(known.quality.astype(np.float64), adequate_quality)
            scores[asked] = index_scores(
                known, labels, table.select(asked), tiers,
                neighbours=neighbours, aggregation=aggregation,
            )  # fmt: skip
        columns |= {name: scores[:, i] for i, name in enumerate(index_columns(index, tiers))}
    return fold_of, columns
