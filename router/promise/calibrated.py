"""The promise an artifact carries: calibration counts, and the terms they give when asked.

Terms for the same contract are worked out once. How counts come about is
``router.promise.contract.count_losses`` and ``router.promise.topics.count_by_topic``; how they are
kept as text is ``router.promise.saved`` and ``router.promise.topics_file``.
"""

from functools import lru_cache

from router.promise.contract import CalibrationCounts, ContractTerms, contract
from router.promise.reviewed import ReviewedCounts
from router.promise.topics import TopicCounts

_REMEMBERED = 1024


class Promise:
    """Terms of contracts from one calibration. Safe from several threads.

    Attributes:
        counts: What was lost at each threshold on the calibration prompts.
        by_topic: The same in each topic; None = no contract per topic can be given.
        reviewed: What whole reviews lost; None = no contract over reviews can be given.
    """

    def __init__(
        self,
        counts: CalibrationCounts,
        by_topic: TopicCounts | None = None,
        reviewed: ReviewedCounts | None = None,
    ) -> None:
        self.counts = counts
        self.by_topic = by_topic
        self.reviewed = reviewed
        self._terms = lru_cache(_REMEMBERED)(self._work_out)

    def terms(self, alpha: float, delta: float, topic: int | None = None) -> ContractTerms:
        """Return the terms for a greatest loss rate ``alpha`` at confidence ``1 - delta``.

        Args:
            alpha: Promised risk, in (0, 1).
            delta: Allowed probability of a broken promise, in (0, 1).
            topic: Place of the topic, for a contract per topic of a calibration ``by_topic``.

        Raises:
            DataError: alpha or delta outside (0, 1).
        """
        return self._terms(alpha, delta, topic)

    def _work_out(self, alpha: float, delta: float, topic: int | None) -> ContractTerms:
        if topic is None or self.by_topic is None:
            return contract(self.counts, alpha, delta)
        return self.by_topic.terms(alpha, delta, topic)
