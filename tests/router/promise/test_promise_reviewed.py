"""A contract over reviews: the lowest willingness to pay that held-out prompts vouch for."""

import pytest

from router.errors import DataError
from router.promise.contract import CalibrationCounts, always_top
from router.promise.reviewed import ReviewedCounts, places, reviewed_from_json, reviewed_to_json
from router.promise.saved import describe, terms_from_json, terms_to_json

# Of 400 prompts none lose at 1 USD, ten at a tenth of that, a hundred at a hundredth.
COUNTS = ReviewedCounts(
    "cat", (1.0, 0.1, 0.01), CalibrationCounts(places(3), (0.0, 10.0, 100.0), 400, True, "lowest")
)


@pytest.mark.parametrize(("alpha", "usd"), [(0.001, None), (0.02, 1.0), (0.06, 0.1), (0.4, 0.01)])
def test_a_looser_contract_pays_less(alpha: float, usd: float | None) -> None:
    terms = COUNTS.terms(alpha, 0.1)
    assert terms.willingness_to_pay_usd == usd
    assert (terms.threshold, terms.covers, terms.n) == (None, "lowest", 400)
    assert terms_from_json(terms_to_json(terms)) == terms
    assert ("once reviewed" in describe(terms)) == (usd is not None)


def test_the_strong_form_of_the_terms_pays_for_nothing_but_the_top_tier() -> None:
    strong = always_top(COUNTS.terms(0.06, 0.1))
    assert (strong.willingness_to_pay_usd, strong.threshold) == (None, None)


def test_counts_survive_json() -> None:
    assert reviewed_from_json(reviewed_to_json(COUNTS)) == COUNTS


@pytest.mark.parametrize(
    ("good", "bad", "message"),
    [
        ("{", "[", "not JSON"),
        ("[1.0, 0.1, 0.01]", "[1.0, 0.1, 0.2]", "must fall"),
        ("[1.0, 0.1, 0.01]", "[1.0, 0.1]", "one place of the grid"),
        ("[1.0, 0.1, 0.01]", "1.0", "list of numbers"),
        ('"cat"', '""', "non-empty"),
        ('"n": 400', '"n": 4.5', "whole number"),
    ],
)
def test_altered_counts_are_refused(good: str, bad: str, message: str) -> None:
    text = reviewed_to_json(COUNTS)
    assert good in text
    with pytest.raises(DataError, match=message):
        reviewed_from_json(text.replace(good, bad, 1))
