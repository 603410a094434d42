"""The window is bounded for any conversation and keeps what must be answered."""

from hypothesis import given, settings
from hypothesis import strategies as st

from router.predict.window import (
    LAST_TURN_CHARS,
    LEAST_CONTEXT_CHARS,
    WINDOW_CHARS,
    head_and_tail,
    window,
)
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
def test_the_last_user_turn_stands_last_and_whole_where_it_fits(messages: list[Message]) -> None:
    users = [message.content for message in messages if message.role == "user"]
    last = users[-1] if users else messages[-1].content
    if len(last) <= LAST_TURN_CHARS:
        assert window(messages).endswith(last.strip())
    if len(messages) == 1 and len(last) <= WINDOW_CHARS:
        assert window(messages) == last.strip()


@settings(max_examples=100, deadline=None)
@given(MESSAGES)
def test_a_short_conversation_is_read_whole(messages: list[Message]) -> None:
    if sum(len(message.content) + 1 for message in messages) < LEAST_CONTEXT_CHARS:
        read = window(messages)
        assert all(message.content.strip() in read for message in messages)


def test_white_space_around_a_question_is_not_read() -> None:
    bare = [Message("system", "Be brief."), Message("user", "Why?")]
    padded = [bare[0], Message("user", "\n\n  Why?" + " " * 9_000 + "\n")]
    assert window(padded) == window(bare)
    assert window(padded[1:]) == window(bare[1:]) == "Why?"


def test_a_cut_text_keeps_its_start_and_its_end() -> None:
    text = "begin " + "x" * 9_000 + " end"
    for cut in (head_and_tail(text, 100), window([Message("user", text)])):
        assert cut.startswith("begin x")
        assert cut.endswith("x end")


def test_an_endless_history_leaves_its_start_its_end_and_the_question() -> None:
    history = [Message("system", "First rule.")]
    history += [Message("assistant", f"turn {n} " + "y" * 500) for n in range(200)]
    question = "And what is the answer?"
    read = window([*history, Message("assistant", "Last remark."), Message("user", question)])
    assert read.startswith("First rule.\n")
    assert read.endswith(f"Last remark.\n{question}")
    assert "turn 100" not in read


def test_a_long_system_prompt_takes_no_more_room_than_the_question_or_a_little() -> None:
    rules = Message("system", "rule " * 900)
    for question in ("Thanks, that is all!", "Why? " * 200):
        read = window([rules, Message("user", question)])
        assert read.endswith(question.strip())
        assert len(read) <= len(question) + 1 + max(len(question), LEAST_CONTEXT_CHARS)


def test_of_several_messages_without_a_user_the_last_one_is_the_question() -> None:
    assert window([Message("system", "Rule."), Message("tool", "42")]) == "Rule.\n42"
