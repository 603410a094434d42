"""Topics of prompts, and what each of them lost in calibration, for a contract per topic.

One contract for all may be broken in one topic and over-kept in another; a contract per topic is
calibrated in each of them alone, at a confidence divided among them. A topic is what lies nearest
to one of a few centres, so topics part all prompts there are, and a prompt's topic takes nothing
but its vector. Finding centres is ``training.topics``; what one topic's calibration vouches for is
``router.promise.contract``.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from router.errors import DataError
from router.promise.contract import (
    DEFAULT_GRID,
    CalibrationCounts,
    ContractTerms,
    contract,
    count_losses,
)
from router.promise.rule import Covers, FloatArray, IntArray


@dataclass(frozen=True, slots=True, eq=False)
class Topics:
    """A few places among the vectors of prompts; the nearest one is a prompt's topic.

    Attributes:
        names: One per topic, all different.
        centres: (topics, d) float64, of the encoder's vectors.
    """

    names: tuple[str, ...]
    centres: FloatArray

    def __post_init__(self) -> None:
        if not self.names or len(set(self.names)) < len(self.names):
            raise DataError(f"topics must be named once each, at least one; given {self.names}")
        if self.centres.ndim != 2 or len(self.centres) != len(self.names):
            raise DataError(
                f"centres have shape {self.centres.shape}: one row for each of {len(self.names)} "
                "topics is needed"
            )

    def of(self, vectors: NDArray[np.floating]) -> IntArray:
        """Return the topic of each row of (n, d) vectors, (n,) places among ``names``."""
        half = (self.centres**2).sum(axis=1) / 2
        nearest: IntArray = np.argmin(half - vectors @ self.centres.T, axis=1).astype(np.int64)
        return nearest


@dataclass(frozen=True, slots=True, eq=False)
class TopicCounts:
    """What was lost in each topic at each threshold.

    Attributes:
        topics: Fixed without looking at the calibration prompts.
        counts: One per topic.
    """

    topics: Topics
    counts: tuple[CalibrationCounts, ...]

    def __post_init__(self) -> None:
        if len(self.counts) != len(self.topics.names):
            raise DataError(f"{len(self.counts)} counts given for topics {self.topics.names}")

    def terms(self, alpha: float, delta: float, topic: int) -> ContractTerms:
        """Return what the calibration vouches for in one topic.

        Every topic is tested at level ``delta`` / topics, so the promises of all of them hold
        together with probability 1 - ``delta`` (Bonferroni). A topic with too few labels permits
        the top tier only: fewer than log(delta / topics) / log(1 - alpha) never suffice.

        Args:
            alpha: Promised risk in every topic, in (0, 1).
            delta: Allowed probability that any topic's promise is broken, in (0, 1).
            topic: Its place among the topics.

        Raises:
            DataError: alpha or delta outside (0, 1).
        """
        many = len(self.counts)
        terms = contract(self.counts[topic], alpha, delta / many)
        return replace(terms, delta=delta, topic=self.topics.names[topic], topics=many)


def count_by_topic(
    topics: Topics,
    vectors: NDArray[np.floating],
    adequacy: NDArray[np.floating],
    loss: FloatArray,
    grid: Sequence[float] = DEFAULT_GRID,
    covers: Covers = "any",
) -> TopicCounts:
    """Sum the losses of the calibration prompts of each topic at every threshold.

    Given the topics of the prompts, those of one topic are independent draws of that topic's
    traffic, so each topic's guarantee is that of ``contract`` with its own number of prompts.

    Args:
        topics: Fixed without looking at these prompts.
        vectors: (n, d) vectors of the prompts.
        adequacy: (n, tiers) predicted probabilities, lowest tier first.
        loss: (n, tiers) realised losses in [0, 1], last column 0.
        grid: Rising thresholds, fixed beforehand.
        covers: What the promises cover.

    Raises:
        DataError: what ``count_losses`` refuses.
    """
    place = topics.of(vectors)
    rows = [place == topic for topic in range(len(topics.names))]
    return TopicCounts(
        topics, tuple(count_losses(adequacy[one], loss[one], grid, covers) for one in rows)
    )
