"""What whole reviews lost in calibration, for a contract that covers the answer kept at the end.

The policy that is promised of is the plan and the reviews that follow it, at a willingness to pay:
from the greatest downward these are the settings of Learn-then-Test, as thresholds are of a
contract without reviews (``router.promise.contract``). Its choices depend on prices, so a
calibration belongs to one catalog. Which prompts it is made on is ``training.reviewed``.
"""

import json
from dataclasses import asdict, dataclass, replace

from router.errors import DataError
from router.promise.contract import CalibrationCounts, ContractTerms, contract
from router.promise.saved import FORMAT, counts_of, numbers, opened

_MOST_USD = 1e6


@dataclass(frozen=True, slots=True)
class ReviewedCounts:
    """Losses at each setting.

    Attributes:
        catalog_version: Catalog whose prices were paid.
        willingness_usd: Falling willingness to pay, USD > 0, fixed beforehand.
        counts: One total per setting, of the answers kept; its grid is ``places`` of them.
    """

    catalog_version: str
    willingness_usd: tuple[float, ...]
    counts: CalibrationCounts

    def __post_init__(self) -> None:
        pairs = zip(self.willingness_usd, self.willingness_usd[1:], strict=False)
        if self.counts.grid != places(len(self.willingness_usd)) or any(a <= b for a, b in pairs):
            raise DataError(
                "willingness_usd must fall, with one place of the grid for each of its numbers"
            )

    def terms(self, alpha: float, delta: float) -> ContractTerms:
        """Return the lowest willingness to pay that the calibration can vouch for.

        Raises:
            DataError: alpha or delta outside (0, 1).
        """
        terms = contract(self.counts, alpha, delta)
        if terms.threshold is None:
            return terms
        usd = self.willingness_usd[self.counts.grid.index(terms.threshold)]
        return replace(terms, threshold=None, willingness_to_pay_usd=usd)


def places(settings: int) -> tuple[float, ...]:
    """Return the grid that stands for some settings, the most cautious first."""
    return tuple(place / max(settings, 1) for place in range(settings))


def reviewed_to_json(content: ReviewedCounts) -> str:
    """Write counts as one line of JSON."""
    return json.dumps({"format": FORMAT, **asdict(content)}, allow_nan=False)


def reviewed_from_json(text: str, origin: str = "reviewed counts") -> ReviewedCounts:
    """Read what ``reviewed_to_json`` wrote.

    Raises:
        DataError: not JSON, another format, a key missing, unknown or out of range.
    """
    table = opened(text, origin, set(ReviewedCounts.__dataclass_fields__))
    counts = counts_of(table.table("counts", set(CalibrationCounts.__dataclass_fields__)))
    usd = numbers(table, "willingness_usd", 0.0, _MOST_USD)
    return ReviewedCounts(table.text("catalog_version"), usd, counts)
