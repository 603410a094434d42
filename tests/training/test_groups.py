"""Duplicate groups: what is one question, and that order does not matter."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.errors import DataError
from training.sources.groups import duplicate_groups, normalise

STORY = (
    "A baker in the old town makes forty loaves before sunrise, sells three quarters of them at "
    "the market for two coins each and gives the rest to the school. How many coins does he take "
    "home after paying nine coins for flour and four coins for wood on that same morning?"
)
STEM = (
    "Which of these rivers did the tired geographer cross first on the way from the coast to the "
    "hills?"
)
FOUR = "A. the Alder\nB. the Birch\nC. the Cedar\nD. the Dogwood"
TEN = FOUR + "\nE. the Elm\nF. the Fir\nG. the Gorse\nH. the Hazel\nI. the Ivy\nJ. the Juniper"


def together(*texts: str) -> bool:
    return len(set(duplicate_groups(texts, [f"{n:02d}" for n in range(len(texts))]))) == 1


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Name a fruit!", "  name   a FRUIT "),
        (STORY, STORY.replace("forty", "fifty")),
        (STORY, STORY + " Show your work."),
        (f"{STEM}\n{FOUR}\nAnswer:", f"{STEM}\n{TEN}"),
        (f"{STEM}\n{FOUR}", f"{STEM}\n\n## Choices:\n\n- (A) the Alder\n- (B) the Birch"),
        (f"Rivers\n{FOUR}\nAnswer:", f"Rivers\n{TEN}"),
        (f"{STEM} “so”\n{FOUR}", f"{STEM} “so”\n{FOUR}".encode().decode("latin-1")),
    ],
    ids=["case", "one word", "a sentence more", "options", "markers", "short stem", "mojibake"],
)
def test_the_same_question_told_a_little_differently_is_one_group(one: str, other: str) -> None:
    assert together(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Name a fruit.", "Name a river."),
        ("What is the capital of France?", "What is the capital of Spain?"),
        (STORY, " ".join(reversed(STORY.split()))),
        (f"Which is true?\n{FOUR}", "Which is true?\nA. one\nB. two\nC. three\nD. four"),
        ("", "words"),
    ],
)
def test_other_questions_stay_apart(one: str, other: str) -> None:
    assert not together(one, other)


def test_a_question_that_lists_letters_itself_is_cut_at_its_last_list() -> None:
    key = "Use this key to read the formula below.\nA: Ann sings.\nB: Bob hums.\nA and B\n"
    assert together(key + FOUR, key + TEN)


def test_the_name_of_a_group_is_its_smallest_id() -> None:
    groups = duplicate_groups([STORY, "Name a fruit.", STORY.upper()], ["c", "b", "a"])
    assert groups == ["a", "b", "a"]


def test_near_duplicates_are_joined_through_a_third() -> None:
    words = [f"word{n}" for n in range(200)]
    texts = [" ".join(words[start : start + 150]) for start in (0, 12, 24)]
    assert not together(texts[0], texts[2])
    assert together(*texts)


def test_linked_prompts_and_equal_ids_are_one_group_whatever_they_say() -> None:
    texts = ["Name a fruit.", "And another?", "What is rain?", "Why do cats purr at night?"]
    assert duplicate_groups(texts, ["d", "c", "b", "a"], linked=["q1", "q1", "", ""]) == [
        "c",
        "c",
        "b",
        "a",
    ]
    assert len(set(duplicate_groups(texts, ["same", "same", "x", "y"]))) == 3


def test_lists_of_different_lengths_are_refused() -> None:
    with pytest.raises(DataError, match="one length"):
        duplicate_groups(["a"], ["1", "2"])


@settings(deadline=None, max_examples=40)
@given(st.text(max_size=60))
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@settings(deadline=None, max_examples=15)
@given(st.permutations(range(6)))
def test_the_order_of_prompts_does_not_change_the_groups(order: list[int]) -> None:
    texts = [STORY, STORY.upper(), f"{STEM}\n{FOUR}", f"{STEM}\n{TEN}", "Name a fruit.", "Why?"]
    ids = ["f", "e", "d", "c", "b", "a"]
    plain = dict(zip(ids, duplicate_groups(texts, ids), strict=True))
    moved = [ids[n] for n in order]
    groups = duplicate_groups([texts[n] for n in order], moved)
    assert dict(zip(moved, groups, strict=True)) == plain
