"""The promise an artifact carries: calibration counts, and the terms they give when asked.

Terms for the same contract are worked out once. How counts come about is
``router.promise.contract.count_losses``; how they are kept as text is ``router.promise.saved``.
"""

from functools import lru_cache

from router.promise.contract import CalibrationCounts, ContractTerms, contract

_REMEMBERED = 1024


class Promise:
    """Terms of contracts from one calibration. Safe from several threads.

    Attributes:
        counts: What was lost at each threshold on the calibration prompts.
    """

    def __init__(self, counts: CalibrationCounts) -> None:
        self.counts = counts
        self._terms = lru_cache(_REMEMBERED)(self._work_out)

    def terms(self, alpha: float, delta: float) -> ContractTerms:
        """Return the terms for a greatest loss rate ``alpha`` at confidence ``1 - delta``.

        Raises:
            DataError: alpha or delta outside (0, 1).
        """
        return self._terms(alpha, delta)

    def _work_out(self, alpha: float, delta: float) -> ContractTerms:
        return contract(self.counts, alpha, delta)
