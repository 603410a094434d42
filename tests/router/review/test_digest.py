"""Final answers: found, brought to one spelling, hashed, compared."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.client import answer_digest
from router.review.compare import Agreement, compare
from router.review.digest import ANSWER_FEATURE_NAMES, digest_of
from router.review.final import Kind, final_answer
from router.review.normal import canonical_json, number_of, plain_code, spelled


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("1,000", "1000"),
        ("1000.0", "1000"),
        ("$1,000.00", "1000"),
        ("\u22127", "-7"),
        ("18 apples", "18"),
        ("x = 5.", "5"),
        (r"\frac{3}{6}", "1/2"),
        (r"-\dfrac{1}{4}", None),
        ("0.5", "1/2"),
        ("2 1/2", "5/2"),
        ("1e3", "1000"),
        ("50%", "50"),
        ("3:00 pm", None),
        ("5 hours and 30 minutes", None),
        ("1/0", None),
        ("x^2 + 1", None),
    ],
)
def test_a_number_has_one_spelling_whatever_stands_around_it(text: str, number: str | None) -> None:
    found = number_of(text)
    assert (None if found is None else spelled(found)) == number


@given(st.integers(-(10**12), 10**12), st.sampled_from(["{:,}", "{}", "${:,}", "{}.0", "{} kg"]))
def test_every_spelling_of_an_integer_is_that_integer(value: int, form: str) -> None:
    assert number_of(form.format(value)) == value


@given(st.fractions(max_denominator=10**6))
def test_a_spelled_number_reads_back_as_itself(value: Fraction) -> None:
    assert number_of(spelled(value)) == value


@given(st.text(max_size=300))
def test_any_text_has_a_final_answer_and_finite_features(text: str) -> None:
    digest = digest_of(text)
    assert len(digest.features) == len(ANSWER_FEATURE_NAMES)
    assert all(abs(value) < 1e6 for value in digest.features)
    assert bool(digest.final_hash) == (digest.kind not in (Kind.EMPTY, Kind.TEXT))


@given(st.text(max_size=80), st.text(max_size=80))
def test_comparing_does_not_depend_on_the_order(one: str, other: str) -> None:
    first, second = digest_of(one), digest_of(other)
    assert compare(first, second) is compare(second, first)


@pytest.mark.parametrize(
    ("text", "kind", "final"),
    [
        ("Adding both gives \\boxed{\\frac{1}{2}}.", Kind.NUMBER, "1/2"),
        ('Here it is:\n{"reasoning": "2 + 2", "answer": "4"}', Kind.NUMBER, "4"),
        ('```json\n{"reasoning": "a \\frac b", "answer": "4 m"}\n```', Kind.NUMBER, "4"),
        ("We add.\n#### 1,200", Kind.NUMBER, "1200"),
        ("So the final answer is **12**, because both are even.", Kind.NUMBER, "12"),
        ("(B) because the sun is a star", Kind.CHOICE, "B"),
        ("The answer is C.", Kind.CHOICE, "C"),
        ('{"b": 1.0, "a": [2]}', Kind.JSON, '{"a":[2],"b":1}'),
        ("Try this:\n```python\nx = 1  # one\n\nprint(x)\n```", Kind.CODE, "x = 1\nprint(x)"),
        ("The answer is Paris.", Kind.PHRASE, "paris"),
        ("  \n ", Kind.EMPTY, ""),
        ("Rivers run to the sea. " * 10, Kind.TEXT, ""),
    ],
)
def test_the_final_answer_is_found_where_models_put_it(text: str, kind: Kind, final: str) -> None:
    assert final_answer(text) == (kind, final)


@pytest.mark.parametrize(
    "text",
    [
        "[" * 600 + "]" * 600,
        '{"a":' * 600 + "1" + "}" * 600,
        "\\boxed{" + "7" * 5000 + " 1/2}",
        '{"answer": "' + "7" * 5000 + ' 1/2"}',
    ],
)
def test_answers_nested_or_long_beyond_measure_are_read_all_the_same(text: str) -> None:
    assert final_answer(text).kind in (Kind.TEXT, Kind.PHRASE)


def test_spaces_of_an_answer_are_read_once_and_not_in_every_way_they_could_be_split() -> None:
    lines = "\n" * 20_000  # with the cube of their number this would not end
    assert final_answer(f"The answer is{lines}").kind is Kind.PHRASE
    assert final_answer(f"We add.{lines}#### 12").text == "12"
    assert final_answer(f"We add.{lines}{'So it goes on. ' * 10}").kind is Kind.TEXT


def test_answers_that_spell_one_number_differently_agree() -> None:
    one = digest_of("After all, the answer is 1,000 dollars.")
    other = digest_of('{"reasoning": "10 * 100", "answer": "1000.0"}')
    assert compare(one, other) is Agreement.AGREE
    assert compare(one, digest_of("The answer is 1001.")) is Agreement.DIFFER


@given(st.dictionaries(st.text(max_size=5), st.integers(), max_size=5))
def test_json_does_not_depend_on_the_order_of_keys(table: dict[str, int]) -> None:
    assert canonical_json(table) == canonical_json(dict(reversed(table.items())))


def test_code_does_not_depend_on_comments_and_blank_lines() -> None:
    assert plain_code("a = 1\n\n# two\nb = 2   \n") == plain_code("a = 1\nb = 2  # two")


def test_free_texts_are_never_said_to_agree() -> None:
    text = "The harvest was good this year and the barns are full. " * 3
    same = digest_of(text, vector=(1.0, 0.0))
    assert compare(same, same) is Agreement.CANNOT_TELL
    assert compare(same, digest_of(text, vector=(0.0, 1.0))) is Agreement.DIFFER
    assert compare(same, digest_of(text)) is Agreement.CANNOT_TELL


def test_a_keyed_hash_differs_and_is_not_compared_with_a_plain_one() -> None:
    plain, keyed = digest_of("42"), digest_of("42", key=b"secret")
    assert plain.final_hash[1:] != keyed.final_hash[1:]
    assert compare(plain, keyed) is Agreement.CANNOT_TELL
    assert compare(keyed, digest_of("42.0", key=b"secret")) is Agreement.AGREE


def test_a_refusal_is_noticed_and_a_long_answer_is_not_one() -> None:
    assert digest_of("I'm sorry, but I can't help with that.").refused
    assert not digest_of("I can't think of a better way than this. " * 30).refused
    assert not digest_of("The answer is 7.").refused


def test_the_client_sends_no_text() -> None:
    wire = answer_digest("Our secret plan gives \\boxed{77}.").SerializeToString()
    assert b"secret" not in wire
    assert b"77" not in wire
