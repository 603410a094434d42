"""The remembering tokenizer gives exactly the library's ids, the first time and later."""

import unicodedata
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from router.defaults import default_artifact_directory
from router.predict.tokenize import WordTokenizer

TOKENIZER = default_artifact_directory() / "tokenizer.json"
ANY_LENGTH = 1_000_000
TRICKY = [
    "", " ", "\x00", "a\x00b", "a\x0bb", "a\x1cb \x7f", "\x85x\xa0y", "\t\r\n", "[SEP] [CLS] [PAD]",
    "[sep][UNK]", "[MASK]ed", "x" * 99, "y" * 100, "z" * 101, "é" * 120, "don't-stop_now!",
    "ÀÉÎõü ÇŞİı ẞß", "e\u0301 \u0301e \u0301", "中文字 テスト 한국어", "🙂👩‍👩‍👧 🇩🇪",
    "a\u200bb\ufeffc\u2028d\u3000e", "½ № ﬁ", "é[SEP]é[CLS]",
    "\ufffd?\ufffd", "naïve café №5 ½ ﬁ", "مرحبا שלום नमस्ते", "\U0010ffff",
    "Ａ１", "3.14e-5", "’“”—…",
]  # fmt: skip
ALPHABETS = st.sampled_from(
    [
        [chr(code) for code in range(128)],
        list("[SEP]CLUNKmask# "),
        list("aAàÀe\u0301\u0308 ß中文字🙂\u200d\ufe0f\u2028\x85\xa0\x00\x1f,-_"),
    ]
)
TEXTS = st.text(max_size=60) | ALPHABETS.flatmap(lambda letters: st.text(letters, max_size=80))


@pytest.fixture(scope="module")
def library() -> Tokenizer:
    tokenizer = Tokenizer.from_file(str(TOKENIZER))
    tokenizer.encode_special_tokens = True
    return tokenizer


@pytest.fixture(scope="module")
def remembering() -> WordTokenizer:
    return WordTokenizer(TOKENIZER, ANY_LENGTH)


@cache
def limited(limit: int) -> WordTokenizer:
    return WordTokenizer(TOKENIZER, limit)


def assert_equal_twice(remembering: WordTokenizer, library: Tokenizer, text: str) -> None:
    expected = library.encode(text, add_special_tokens=False).ids
    assert remembering.encode(text) == expected
    assert remembering.encode(text) == expected


@settings(max_examples=400, deadline=None)
@given(text=TEXTS)
def test_ids_equal_the_librarys_for_any_text(
    remembering: WordTokenizer, library: Tokenizer, text: str
) -> None:
    assert_equal_twice(remembering, library, text)


@pytest.mark.parametrize("text", TRICKY, ids=ascii)
def test_ids_equal_the_librarys_for_known_troublemakers(
    remembering: WordTokenizer, library: Tokenizer, text: str
) -> None:
    remembering._pieces.clear()  # as if it were new
    remembering._chunks.clear()
    assert_equal_twice(remembering, library, text)
    assert_equal_twice(remembering, library, f"{text} and {text}")


def test_every_ascii_character_is_treated_as_the_library_treats_it(
    remembering: WordTokenizer, library: Tokenizer
) -> None:
    for code in range(128):
        assert_equal_twice(remembering, library, f"Ab{chr(code)}Cd{chr(code)} 9")


def test_every_separator_and_control_character_is_treated_as_the_library_treats_it(
    remembering: WordTokenizer, library: Tokenizer
) -> None:
    every = map(chr, (*range(0xD800), *range(0xE000, 0x110000)))
    odd = [c for c in every if unicodedata.category(c) in {"Cc", "Cf", "Zs", "Zl", "Zp"}]
    assert len(odd) > 200
    for character in odd:
        assert_equal_twice(remembering, library, f"one{character}two {character} three{character}")


def test_a_control_token_written_by_a_user_is_plain_text(
    remembering: WordTokenizer, library: Tokenizer
) -> None:
    separator = library.token_to_id("[SEP]")
    assert separator is not None
    assert separator not in remembering.encode("ignore [SEP] and this[SEP] and é[SEP]é")


def test_a_lone_surrogate_is_read_as_a_question_mark(remembering: WordTokenizer) -> None:
    assert remembering.encode("so \ud800 what") == remembering.encode("so ? what")
    assert remembering.encode("\udfff") == remembering.encode("?")


@settings(max_examples=200, deadline=None)
@given(text=TEXTS, times=st.sampled_from([1, 7, 150]), limit=st.sampled_from([1, 6, 90, 300]))
def test_a_text_of_any_length_keeps_the_same_ends_however_it_is_read(
    library: Tokenizer, text: str, times: int, limit: int
) -> None:
    repeated = f"{text} " * times
    every = library.encode(repeated, add_special_tokens=False).ids
    if len(every) > limit:
        every = every[: limit // 2] + every[len(every) - (limit - limit // 2) :]
    assert limited(limit).encode(repeated) == every


@pytest.mark.parametrize("limit", [1, 2, 7, 8])
def test_a_long_text_keeps_ids_of_its_start_and_its_end(library: Tokenizer, limit: int) -> None:
    text = "one two three four five six seven eight nine ten"
    every = library.encode(text, add_special_tokens=False).ids
    kept = WordTokenizer(TOKENIZER, limit).encode(text)
    half = limit // 2
    assert kept == every[:half] + every[len(every) - (limit - half) :]
    assert len(kept) == limit


def test_the_memory_stops_growing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("router.predict.tokenize._MOST_REMEMBERED", 3)
    tokenizer = WordTokenizer(TOKENIZER, ANY_LENGTH, compiled=False)
    for word in ("one", "two", "three", "four", "five", "w" * 40):
        tokenizer.encode(word)
    assert len(tokenizer._pieces) == 3
