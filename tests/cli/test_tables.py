"""Tables stay aligned whatever the script, and colour appears only where it is welcome."""

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.cli.demo import Routed, Sample, lines_of_routed, lines_of_summary
from router.cli.table import (
    columns_of,
    has_colour,
    lines_of_table,
    padded,
    painted,
    shortened,
    terminal_width,
)
from router.v1 import router_pb2 as pb

LETTERS = st.text("ab ü中文テ🙂e\u0301", max_size=30)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@settings(deadline=None, max_examples=60)
@given(text=LETTERS, width=st.integers(1, 40))
def test_a_shortened_text_fits_and_a_short_one_is_whole(text: str, width: int) -> None:
    line = shortened(text, width)
    assert columns_of(line) <= width
    whole = " ".join(text.split())
    assert line == whole if columns_of(whole) <= width else line.endswith("…")


@settings(deadline=None, max_examples=60)
@given(rows=st.lists(st.tuples(LETTERS, LETTERS), min_size=1, max_size=5))
def test_every_second_column_begins_at_the_same_place(rows: list[tuple[str, str]]) -> None:
    cells = [(first, f"|{second}") for first, second in rows]
    header, _, *lines = lines_of_table(("first", "|second"), cells)
    places = {columns_of(line[: line.index("|")]) for line in (header, *lines)}
    assert len(places) == 1


def test_wide_letters_take_two_columns_and_accents_none() -> None:
    assert columns_of("中a") == 3
    assert columns_of("e\u0301") == 1
    assert padded("中", 4, right=True) == "  中"


def test_colour_needs_a_terminal_and_no_objection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert has_colour(Terminal())
    assert not has_colour(io.StringIO())
    assert painted("x", "green", Terminal()) == "\x1b[32mx\x1b[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert painted("x", "green", Terminal()) == "x"


@pytest.mark.parametrize(("columns", "expected"), [("40", 80), ("132", 132)])
def test_the_width_is_the_terminals_but_at_least_80(
    monkeypatch: pytest.MonkeyPatch, columns: str, expected: int
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal_width() == expected


def routed(tier: str, kind: str, prompt: str) -> Routed:
    costs = {"small": 0.25, "large": 1.0}
    candidates = [
        pb.Candidate(deployment=f"{name}-1", tier=name, adequacy=0.5, expected_cost_usd=cost)
        for name, cost in costs.items()
    ]
    answer = pb.RouteResponse(
        tier=tier,
        deployment=f"{tier}-1",
        reason=pb.DECISION_REASON_BEST_TRADE_OFF,
        candidates=candidates,
        saving_fraction=1 - costs[tier],
    )
    return Routed(Sample(kind, prompt), answer, 1.5)


def test_the_table_of_decisions_fits_the_width_where_a_prompt_can_give_way() -> None:
    rows = [
        routed("small", "kind", "word " * 60),
        routed("large", "a kind of many words", "字" * 90),
    ]
    for width in (80, 120):
        lines = lines_of_routed(rows, ["small", "large"], width)
        assert max(map(columns_of, lines)) == width
        assert len(lines) == 4


def test_the_summary_adds_up() -> None:
    rows = [routed("small", "k", "p"), routed("large", "k", "p")]
    mix, cost, waited, caution = lines_of_summary(rows, ["small", "large"])
    assert mix == "2 prompts: small 1, large 1."
    assert cost == "Expected cost 1.250000 USD; always large 2.000000 USD, 38% less."
    assert "1.50 ms" in waited
    assert "not measured" in caution
