"""The window is bounded for any conversation and keeps what must be answered."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.predict.window import WINDOW_CHARS, bare, head_and_tail, window
from router.types import ROLES, Message

PIECES = st.text(max_size=40) | st.sampled_from(["", "\n", "\ud800", "\udfff é", "🙂", "\x00"])
# Long texts cheaply: a short piece, many times over.
TEXTS = st.builds(lambda piece, times: piece * times, PIECES, st.sampled_from([1, 3, 80, 2000]))
MESSAGES = st.lists(st.builds(Message, st.sampled_from(ROLES), TEXTS), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_the_window_is_bounded_whatever_is_said(messages: list[Message]) -> None:
    assert len(window(messages)) <= WINDOW_CHARS


@settings(max_examples=150, deadline=None)
@given(MESSAGES)
def test_the_last_user_turn_is_read_alone_and_whole_where_it_fits(messages: list[Message]) -> None:
    users = [message.content for message in messages if message.role == "user"]
    last = (users[-1] if users else messages[-1].content).strip()
    if last and len(last) <= WINDOW_CHARS:
        assert window(messages) == bare(last)


@settings(max_examples=100, deadline=None)
@given(MESSAGES)
def test_what_stands_around_a_question_changes_nothing_that_is_read(
    messages: list[Message],
) -> None:
    question = Message("user", "Why?")
    assert window([*messages, question]) == window([question]) == "Why?"


def test_around_a_blank_turn_the_rest_is_read() -> None:
    said = [Message("user", "Prove it."), Message("assistant", "Which one?"), Message("user", " ")]
    assert window(said) == "Prove it.\nWhich one?"


def test_white_space_around_a_question_is_not_read() -> None:
    bare = [Message("system", "Be brief."), Message("user", "Why?")]
    padded = [bare[0], Message("user", "\n\n  Why?" + " " * 9_000 + "\n")]
    assert window(padded) == window(bare)
    assert window(padded[1:]) == window(bare[1:]) == "Why?"


@settings(max_examples=150, deadline=None)
@given(TEXTS)
def test_a_text_is_never_bared_to_nothing_nor_grows(text: str) -> None:
    left = bare(text)
    assert bool(left) == bool(text.strip())
    assert len(left) <= len(text)


@pytest.mark.parametrize("frame", [
    "{}\n\n========================", "--------\n{}", "~~~~~~~~~~{}", '"{}"', "\u201c{}\u201d",
    "\u00ab {} \u00bb", "\u201e{}\u201c", "**********\n'{}'\n**********",
])  # fmt: skip
def test_rulers_and_quotation_marks_around_a_question_are_not_read(frame: str) -> None:
    assert bare(frame.format("Why is 7 < 9?")) == "Why is 7 < 9?"


@pytest.mark.parametrize("text", [
    '"yes" or "no"', '"', '""', "==========", "a - b", "x = 1 # 1\n#######", "'tis so",
    "Wait.......",
])  # fmt: skip
def test_marks_that_say_something_are_read(text: str) -> None:
    assert bare(text) == text


def test_a_cut_text_keeps_its_start_and_its_end() -> None:
    text = "begin " + "x" * 9_000 + " end"
    for cut in (head_and_tail(text, 100), window([Message("user", text)])):
        assert cut.startswith("begin x")
        assert cut.endswith("x end")


def test_an_endless_history_before_a_blank_turn_leaves_its_start_and_its_end() -> None:
    history = [Message("system", "First rule.")]
    history += [Message("assistant", f"turn {n} " + "y" * 500) for n in range(200)]
    read = window([*history, Message("assistant", "Last remark."), Message("user", "\n")])
    assert read.startswith("First rule.\n")
    assert read.endswith("Last remark.")
    assert "turn 100" not in read


def test_of_several_messages_without_a_user_the_last_one_is_the_question() -> None:
    assert window([Message("system", "Rule."), Message("tool", "42")]) == "42"
