"""The common shape of the estimators: a ratio of two sums over decisions."""

from dataclasses import dataclass

from eval.arrays import FloatArray


@dataclass(frozen=True, slots=True)
class Terms:
    """An estimate written as sum(numerator) / sum(denominator).

    Attributes:
        numerator: (n,) one term per decision.
        denominator: (n,) 1 for every decision where the estimate is a plain mean.
    """

    numerator: FloatArray
    denominator: FloatArray

    @property
    def value(self) -> float:
        """The estimate."""
        return float(self.numerator.sum() / self.denominator.sum())
