"""Costs scale with prices and tokens; the token estimate is bounded below by what it contains."""

import json
import math
import random
from datetime import date
from pathlib import Path
from statistics import median

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cost.estimate import expected_cost_usd
from router.cost.price import Price
from router.cost.shape import Shape, shape_of
from router.cost.tokens import estimate_conversation_tokens, estimate_tokens
from router.cost.weights import WEIGHT_OF_SHAPE

ROOT = Path(__file__).resolve().parents[2]
PRICES = st.floats(0.0, 1e4)
TOKENS = st.floats(0.0, 1e7)
TEXTS = st.text(max_size=200) | st.text(alphabet="aZ9 \n\t+-\"'.?\\#\x00é中🙂\ud800", max_size=60)


def price(input_usd_per_mtok: float, output_usd_per_mtok: float) -> Price:
    return Price(input_usd_per_mtok, output_usd_per_mtok, date(2025, 4, 1), "test")


@settings(max_examples=100, deadline=None)
@given(PRICES, PRICES, TOKENS, TOKENS, st.floats(0.0, 100.0))
def test_cost_scales_with_the_price(
    dear: float, dearer: float, read: float, written: float, factor: float
) -> None:
    once = expected_cost_usd(price(dear, dearer), read, written)
    scaled = expected_cost_usd(price(factor * dear, factor * dearer), read, written)
    assert once >= 0.0
    assert scaled == pytest.approx(factor * once, rel=1e-9, abs=1e-12)


def test_a_million_tokens_each_way_cost_the_two_list_prices() -> None:
    assert expected_cost_usd(price(3.0, 15.0), 1e6, 1e6) == 18.0


@settings(max_examples=150, deadline=None)
@given(TEXTS, TEXTS)
def test_a_longer_text_never_counts_fewer_tokens_and_at_most_one_place_more_than_its_parts(
    first: str, second: str
) -> None:
    joint = max(WEIGHT_OF_SHAPE[1:])  # a mark or line end may follow a letter where they meet
    whole = estimate_tokens(first + second)
    assert whole >= max(estimate_tokens(first), estimate_tokens(second)) - 1e-9
    assert whole <= estimate_tokens(first) + estimate_tokens(second) + joint + 1e-9


@settings(max_examples=100, deadline=None)
@given(st.lists(st.text(alphabet="0123456789", min_size=1, max_size=12), max_size=6))
def test_numbers_are_cut_into_groups_of_three_digits(numbers: list[str]) -> None:
    assert shape_of("; ".join(numbers).encode()).digit_groups == sum(
        math.ceil(len(number) / 3) for number in numbers
    )


def test_places_are_counted_where_letters_marks_and_lines_meet() -> None:
    text = "def f(x):\n    return x + 1990.25,\n\tYé\n"
    assert shape_of(text.encode()) == Shape(digit_groups=3, marked_ends=2, line_ends=0, indents=2)
    assert shape_of(b"two\nlines") == Shape(0, 0, 1, 0)


@settings(max_examples=100, deadline=None)
@given(TEXTS)
def test_only_an_empty_text_counts_no_token(text: str) -> None:
    assert (estimate_tokens(text) == 0.0) == (text == "")
    assert text == "" or estimate_tokens(text) >= 1.0


@settings(max_examples=50, deadline=None)
@given(st.lists(TEXTS, max_size=5))
def test_a_conversation_counts_a_few_tokens_more_than_its_messages(texts: list[str]) -> None:
    bare = sum(map(estimate_tokens, texts))
    assert estimate_conversation_tokens(texts) == pytest.approx(bare + 4.0 * len(texts))


def test_a_conversation_of_many_messages_counts_as_its_messages_do() -> None:
    lines = (ROOT / "data" / "coverage" / "prompts.jsonl").read_text("utf-8").splitlines()
    prompts = [turn["content"] for line in lines for turn in json.loads(line)["messages"]]
    generator = random.Random(5)
    errors = []
    for _ in range(60):
        count = round(9 * 10 ** generator.uniform(0, 2))
        texts = [generator.choice(prompts) * generator.choice((1, 1, 1, 8)) for _ in range(count)]
        one_by_one = sum(map(estimate_tokens, texts)) + 4.0 * count
        errors.append(abs(estimate_conversation_tokens(texts) / one_by_one - 1.0))
    assert median(errors) < 0.02
    assert max(errors) < 0.12


@pytest.mark.parametrize(
    ("text", "words_and_marks"),
    [
        ("What is the tallest mountain of Africa?", 8),
        ("The kettle arrived on time, boils fast and looks lovely on the counter.", 15),
    ],
)
def test_plain_english_counts_about_one_token_a_word_or_mark(
    text: str, words_and_marks: int
) -> None:
    assert estimate_tokens(text) == pytest.approx(words_and_marks, rel=1 / 3)
