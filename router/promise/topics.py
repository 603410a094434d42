"""One contract per topic, with the top tier where a topic has too few labels to vouch for more.

A marginal contract may be broken in one topic and over-kept in another; here every topic is
calibrated alone. Which topic a prompt belongs to is decided by the caller, from the prompt only.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from router.errors import DataError
from router.promise.contract import DEFAULT_GRID, ContractTerms, contract, count_losses
from router.promise.rule import Covers, FloatArray

Confidence = Literal["each", "joint"]
"""``each``: every topic alone holds with probability 1 - delta. ``joint``: all topics together
hold with probability 1 - delta (Bonferroni, each is calibrated at delta / topics)."""


@dataclass(frozen=True, slots=True)
class TopicContracts:
    """Contracts of topics named beforehand.

    Attributes:
        topics: Their names, in any order.
        terms: One per topic; ``terms.delta`` is the level that topic was calibrated at.
        alpha: Promised risk in every topic.
        delta: The level asked for.
        confidence: What ``delta`` speaks of.
    """

    topics: tuple[str, ...]
    terms: tuple[ContractTerms, ...]
    alpha: float
    delta: float
    confidence: Confidence

    def of(self, topic: str) -> ContractTerms:
        """Return the terms of a topic; of an unknown one: always the top tier."""
        if topic in self.topics:
            return self.terms[self.topics.index(topic)]
        return ContractTerms(
            self.alpha, self.delta, None, 0, 0.0, 0.0, "none", self.terms[0].covers, 0
        )


def contract_by_topic(
    adequacy: NDArray[np.floating],
    loss: FloatArray,
    topic_of: NDArray[np.str_],
    topics: Sequence[str],
    alpha: float,
    delta: float,
    *,
    confidence: Confidence = "each",
    grid: Sequence[float] = DEFAULT_GRID,
    covers: Covers = "any",
) -> TopicContracts:
    """Calibrate every topic on its own prompts.

    Given the topics of the calibration prompts, those of one topic are independent draws of that
    topic's traffic, so each topic's guarantee is that of ``contract`` with its own n. A topic
    with n < log(delta) / log(1 - alpha) prompts cannot be vouched for, whatever they show.

    Args:
        adequacy: (n, tiers) predicted probabilities, lowest tier first.
        loss: (n, tiers) realised losses in [0, 1], last column 0.
        topic_of: (n,) topic of every prompt.
        topics: All topics, named without looking at these prompts; their number enters ``joint``.
        alpha: Promised risk in every topic.
        delta: Allowed probability of a broken promise, see ``confidence``.
        confidence: ``each`` or ``joint``.
        grid: Rising thresholds, fixed beforehand.
        covers: What the promises cover.

    Raises:
        DataError: no topics, one named twice, a prompt of a topic that is not named, or what
            ``count_losses`` and ``contract`` refuse.
    """
    if not topics or len(set(topics)) < len(topics):
        raise DataError(f"topics must be named once each, at least one; given {list(topics)}")
    unknown = sorted(set(topic_of.tolist()) - set(topics))
    if unknown:
        raise DataError(
            f"prompts of topics that are not named: {', '.join(unknown[:10])}; name every topic, "
            "or leave these prompts out"
        )
    level = delta / len(topics) if confidence == "joint" else delta
    terms = tuple(
        contract(
            count_losses(adequacy[topic_of == topic], loss[topic_of == topic], grid, covers),
            alpha,
            level,
        )
        for topic in topics
    )
    return TopicContracts(tuple(topics), terms, alpha, delta, confidence)
