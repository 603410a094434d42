"""Vectors, features and predictions: finite, unit length, and the same alone as in a batch."""

import math
import re
import string

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.predict.artifact import Artifact
from router.predict.feature_table import NEGATIONS
from router.predict.features import (
    BYTE_CLASS_NAMES,
    FEATURE_NAMES,
    byte_class_counts,
    text_features,
)
from router.predict.predictor import predict, predict_many
from router.predict.reading import read, read_all
from router.types import ROLES, Message

PIECES = st.text(max_size=30) | st.sampled_from(
    ["", " ", "\x00", "\u0301", "\ud800", "中", "```\n"]
)
TEXTS = st.builds(lambda piece, times: piece * times, PIECES, st.sampled_from([1, 1, 40, 400]))
LONE_SURROGATES = {chr(code) for code in range(0xD800, 0xE000)}
BATCHES = st.lists(TEXTS, min_size=1, max_size=6)


@settings(max_examples=200, deadline=None)
@given(TEXTS)
def test_text_features_are_finite_for_any_text(text: str) -> None:
    row = text_features(text)
    assert len(row) == len(FEATURE_NAMES)
    assert all(map(math.isfinite, row))
    assert min(row) >= 0.0


def plain_features(text: str) -> dict[str, float]:
    """What each feature means, without any short cut."""
    words, inked = text.split(), sum(c not in " \t\n" for c in text)
    chars = max(inked, 1)
    tallies = {
        "log_chars": inked,
        "log_words": len(words),
        "log_newlines": text.count("\n"),
        "log_questions": text.count("?"),
        "log_backslashes": text.count("\\"),
        "log_numbers": len(re.findall(r"\d+", text)),
        "log_option_lines": len(re.findall(r"\n\(?[A-J][.):]", text)),
        "log_negations": sum(word in NEGATIONS for word in words),
    }
    counts = {
        "lower_share": sum(c in string.ascii_lowercase for c in text),
        "upper_share": sum(c in string.ascii_uppercase for c in text),
        "digit_share": sum(c in string.digits for c in text),
        "math_share": sum(c in "+-*/=^<>%$\\|" for c in text),
        "bracket_share": sum(c in "()[]{}" for c in text),
        "quote_share": sum(c in "\"'`" for c in text),
        "stop_share": sum(c in ".,;:!?" or c in LONE_SURROGATES for c in text),
        "non_ascii_share": sum(not c.isascii() and c not in LONE_SURROGATES for c in text),
        "json_marks_share": text.count('":') + text.count('",'),
    }
    marks = {
        "log_commas": ",", "log_periods": ".", "log_colons": ":", "log_semicolons": ";",
        "log_carets": "^", "log_underscores": "_", "log_dollars": "$", "log_slashes": "/",
        "log_round_brackets": "(", "log_square_brackets": "[", "log_curly_brackets": "{",
        "log_double_quotes": '"', "log_apostrophes": "'",
    }  # fmt: skip
    tallies |= {name: text.count(mark) for name, mark in marks.items()}
    return {
        **{name: math.log1p(count) for name, count in tallies.items()},
        **{name: count / chars for name, count in counts.items()},
        "chars_per_word": min(inked / max(len(words), 1), 40.0),
        "distinct_words_share": len(set(words)) / max(len(words), 1),
        "code_fence": float("```" in text),
    }


@settings(max_examples=200, deadline=None)
@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            [" ", "\n", "don't ", " not ", " except ", "A) x", "(B. y", "12", "٣٤", "7", "é", "```",
             '"k": ', '"v",', "?", "\\", "Zug", "\u2028", "\x1c", "x" * 50]
        )
    ).map("".join)
)  # fmt: skip
def test_text_features_are_what_their_names_say(text: str) -> None:
    expected = plain_features(text)
    assert dict(zip(FEATURE_NAMES, text_features(text), strict=True)) == pytest.approx(expected)


@settings(max_examples=100, deadline=None)
@given(st.text(max_size=60))
def test_a_character_outside_ascii_counts_once_under_its_lead_byte(text: str) -> None:
    of_classes = byte_class_counts(text)[: len(BYTE_CLASS_NAMES)].tolist()
    counts = dict(zip(BYTE_CLASS_NAMES, of_classes, strict=True))
    leads = counts["lead_2"] + counts["lead_3"] + counts["lead_4"]
    assert leads == sum(not character.isascii() for character in text)


@settings(max_examples=40, deadline=None)
@given(st.lists(TEXTS, max_size=60))
def test_texts_read_together_are_read_as_each_by_itself(texts: list[str]) -> None:
    for together, alone in zip(read_all(texts), map(read, texts), strict=True):
        # Sums of weights may be added up in another order; counts are whole.
        assert together.weight == pytest.approx(alone.weight)
        assert together.latin == pytest.approx(alone.latin, abs=1e-6)
        assert together._replace(weight=0.0, latin=0.0) == alone._replace(weight=0.0, latin=0.0)


@settings(max_examples=40, deadline=None)
@given(texts=BATCHES)
def test_rows_of_a_batch_equal_single_rows(artifact: Artifact, texts: list[str]) -> None:
    vectors, features = artifact.encoder.encode(texts)
    assert vectors.dtype == features.dtype == np.float32
    assert vectors.shape == (len(texts), artifact.encoder.info.dimension)
    for row, text in enumerate(texts):
        np.testing.assert_allclose(vectors[row], artifact.encoder.vector(text)[0], atol=1e-5)
        np.testing.assert_array_equal(features[row], np.float32(text_features(text)))


@settings(max_examples=60, deadline=None)
@given(text=TEXTS)
def test_a_vector_has_unit_length_or_is_zero(artifact: Artifact, text: str) -> None:
    length = float(np.linalg.norm(artifact.encoder.vector(text)))
    assert abs(length - 1.0) < 1e-5 or length == 0.0


def test_a_text_without_any_token_has_the_zero_vector_alone_and_in_a_batch(
    artifact: Artifact,
) -> None:
    for texts in ([" "], [" ", "word"], ["\x00", " "]):
        assert not artifact.encoder.vectors(texts)[0].any()
    assert not artifact.encoder.vector(" ").any()


def test_a_batch_of_none_has_no_rows(artifact: Artifact) -> None:
    vectors, features = artifact.encoder.encode([])
    assert vectors.shape == (0, artifact.encoder.info.dimension)
    assert features.shape == (0, len(FEATURE_NAMES))
    assert predict_many(artifact, []) == []


def test_a_batch_above_the_tokens_run_at_once_keeps_its_order(artifact: Artifact) -> None:
    texts = [f"{n} " + "lorem ipsum " * (n % 3 * 200) for n in range(150)]
    vectors = artifact.encoder.vectors(texts)
    for row in (0, 1, 2, 74, 149):
        np.testing.assert_allclose(vectors[row], artifact.encoder.vector(texts[row])[0], atol=1e-5)


@settings(max_examples=25, deadline=None)
@given(
    conversations=st.lists(
        st.lists(st.builds(Message, st.sampled_from(ROLES), TEXTS), min_size=1, max_size=3),
        min_size=1,
        max_size=5,
    )
)
def test_predictions_of_a_batch_equal_single_predictions(
    artifact: Artifact, conversations: list[list[Message]]
) -> None:
    together = predict_many(artifact, conversations)
    for messages, prediction in zip(conversations, together, strict=True):
        alone = predict(artifact, messages)
        np.testing.assert_allclose(prediction.adequacy, alone.adequacy, atol=1e-5)
        np.testing.assert_allclose(prediction.output_tokens, alone.output_tokens, rtol=1e-5)
        assert all(0.0 <= p <= 1.0 for p in alone.adequacy)
        assert all(tokens >= 0.0 for tokens in alone.output_tokens)
