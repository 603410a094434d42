"""Behaviour of the coverage set's reader and judge, and what the shipped set promises."""

import json
import re
from collections import Counter
from pathlib import Path

import pytest

from eval.coverage import (
    EVERYDAY_KINDS,
    CoveragePrompt,
    choose_tiers,
    coverage_table,
    main,
    read_coverage,
    score_coverage,
)
from router.engine import Engine
from router.errors import DataError
from router.types import Message

SET = Path(__file__).resolve().parents[2] / "data" / "coverage"
TIERS = ("small", "medium", "large")
LANGUAGES = (
    "en de fr es pt it nl pl ru uk tr ar fa hi bn zh ja ko vi id th sw el he".split()  # noqa: SIM905
)
ROW: dict[str, object] = {
    "id": "a-1",
    "kind": "greeting",
    "language": "en",
    "difficulty": 1,
    "messages": [{"role": "user", "content": "hello there"}],
    "least_tier": "small",
    "most_tier": "small",
    "why": "Trivial.",
    "part": "test",
    "family": "greeting/hello",
}


@pytest.fixture(scope="module")
def shipped() -> tuple[CoveragePrompt, ...]:
    return read_coverage(SET / "prompts.jsonl")


def written(path: Path, *rows: object) -> Path:
    file = path / "set.jsonl"
    lines = [row if isinstance(row, str) else json.dumps(row) for row in rows]
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return file


def prompt(kind: str, least: str, most: str, language: str = "en") -> CoveragePrompt:
    said = (Message("user", "made up"),)
    place = f"{kind}/{least}-{most}-{language}"
    return CoveragePrompt(place, kind, language, 1, said, least, most, "Why.", "test", place)


def test_a_line_is_read_field_by_field(tmp_path: Path) -> None:
    (one,) = read_coverage(written(tmp_path, ROW))
    assert one.messages == (Message("user", "hello there"),)
    assert (one.id, one.difficulty, one.least_tier, one.part) == ("a-1", 1, "small", "test")


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"difficulty": 6}, "difficulty = 6: must be an integer from 1 to 5"),
        ({"difficulty": True}, "difficulty = True"),
        ({"part": "train"}, "must be one of prior, test"),
        ({"language": "English"}, "ISO 639"),
        ({"why": " "}, "why = ' ': must be a non-empty string"),
        ({"messages": []}, "must be a non-empty list"),
        ({"messages": ["hello"]}, "exactly role and content"),
        ({"messages": [{"role": "robot", "content": "x"}]}, "role = 'robot'"),
        ({"messages": [{"role": ["user"], "content": "x"}]}, "role = ['user']"),
        ({"messages": [{"role": "assistant", "content": "x"}]}, "must be of 'user'"),
        ({"surprise": 1}, "fields unknown: ['surprise']"),
    ],
)
def test_a_wrong_field_is_refused_with_its_line(
    tmp_path: Path, change: dict[str, object], told: str
) -> None:
    with pytest.raises(DataError) as caught:
        read_coverage(written(tmp_path, ROW, {**ROW, "id": "a-2", **change}))
    assert caught.value.problems[0].startswith("line 2: ")
    assert told in caught.value.problems[0]


def test_a_line_separator_inside_a_prompt_ends_no_line(tmp_path: Path) -> None:
    said = {"role": "user", "content": "one\u2028two"}
    row = json.dumps({**ROW, "messages": [said]}, ensure_ascii=False)
    (one,) = read_coverage(written(tmp_path, row))
    assert one.messages[0].content == "one\u2028two"


def test_all_bad_lines_are_named_at_once(tmp_path: Path) -> None:
    rows = (ROW, "{", "[]", ROW, {**ROW, "id": "b", "part": "prior"})
    with pytest.raises(DataError, match="4 of 5 lines") as caught:
        read_coverage(written(tmp_path, *rows))
    told = [problem.split(": ", 1) for problem in caught.value.problems]
    assert [line for line, _ in told] == ["line 2", "line 3", "line 4", "line 5"]
    assert "used twice" in told[2][1]
    assert "one kind and part" in told[3][1]


def test_a_file_that_is_missing_or_empty_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_coverage(tmp_path / "nowhere.jsonl")
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no prompt"):
        read_coverage(tmp_path / "empty.jsonl")


def test_choices_are_counted_inside_below_and_above_the_band() -> None:
    prompts = [
        prompt("greeting", "small", "small"),
        prompt("translation", "small", "medium", "fr"),
        prompt("proof", "large", "large"),
        prompt("proof", "medium", "large"),
    ]
    score = score_coverage(prompts, ["large", "large", "small", "medium"], TIERS)
    overall = score.overall
    assert (overall.prompts, overall.inside, overall.cheaper, overall.dearer) == (4, 1, 1, 2)
    assert [one.prompt.kind for one in score.absurdities] == ["greeting", "proof"]
    assert [one.prompt.kind for one in score.everyday_to_top] == ["greeting", "translation"]
    assert {one.name: (one.inside, one.prompts) for one in score.kinds} == {
        "greeting": (0, 1),
        "translation": (0, 1),
        "proof": (1, 2),
    }
    assert [one.name for one in score.languages] == ["en", "fr"]
    assert (score.must_go_cheap.inside, score.must_not_go_cheap.inside) == (0, 1)
    table = coverage_table(score)
    assert "gross absurdities: 2" in table
    assert "greeting/small-small-en [en] to large, accepted small to small: Why." in table


def test_one_step_outside_the_band_is_a_miss_but_no_absurdity() -> None:
    prompts = [prompt("greeting", "small", "small"), prompt("proof", "large", "large")]
    score = score_coverage(prompts, ["medium", "medium"], TIERS)
    assert score.overall.inside == 0
    assert score.absurdities == ()
    assert score.everyday_to_top == ()


@pytest.mark.parametrize(
    ("prompts", "chosen", "tiers", "told"),
    [
        ([], [], TIERS, "at least one prompt"),
        ([prompt("fact", "small", "small")], [], TIERS, "0 choices"),
        ([prompt("fact", "small", "small")], ["small"], ("small",), "at least two tiers"),
        ([prompt("fact", "small", "small")], ["huge"], TIERS, "'huge' is none of small"),
        ([prompt("fact", "tiny", "small")], ["small"], TIERS, "'tiny' is none of small"),
        ([prompt("fact", "large", "small")], ["small"], TIERS, "stands above"),
    ],
)
def test_what_cannot_be_judged_is_refused(
    prompts: list[CoveragePrompt], chosen: list[str], tiers: tuple[str, ...], told: str
) -> None:
    with pytest.raises(DataError, match=told):
        score_coverage(prompts, chosen, tiers)


def test_every_shipped_prompt_can_be_routed_and_judged(
    engine: Engine, shipped: tuple[CoveragePrompt, ...]
) -> None:
    tiers = choose_tiers(engine, shipped)
    score = score_coverage(shipped, tiers, engine.catalog.tier_names)
    assert sum(share.prompts for share in score.kinds) == len(shipped)
    assert score.overall.inside + score.overall.cheaper + score.overall.dearer == len(shipped)


def test_the_command_prints_the_table_or_says_what_is_wrong(
    tmp_path: Path,
    tiny_artifact: Path,
    catalog_file: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    given = ["--artifact", str(tiny_artifact), "--catalog", str(catalog_file), "--data"]
    assert main([*given, str(written(tmp_path, ROW)), "--part", "test"]) == 0
    assert "(always large)" in capsys.readouterr().out
    assert main([*given, str(written(tmp_path, ROW)), "--part", "prior"]) == 1
    assert "0 prompts" in capsys.readouterr().err
    assert main([*given, str(written(tmp_path, {**ROW, "part": "x"}))]) == 1
    assert "line 1: part" in capsys.readouterr().err


def test_shipped_bands_fit_the_default_tiers_and_say_something(
    shipped: tuple[CoveragePrompt, ...],
) -> None:
    score_coverage(shipped, ["small"] * len(shipped), TIERS)  # refuses unknown or inverted tiers
    assert not [one.id for one in shipped if (one.least_tier, one.most_tier) == ("small", "large")]
    assert {one.kind for one in shipped} >= EVERYDAY_KINDS


def test_every_shipped_kind_with_four_families_stands_in_both_parts(
    shipped: tuple[CoveragePrompt, ...],
) -> None:
    for kind in {one.kind for one in shipped}:
        mine = [one for one in shipped if one.kind == kind]
        if len({one.family for one in mine}) >= 4:
            parts = Counter(one.part for one in mine)
            assert min(parts["prior"], parts["test"]) >= 3, kind


def test_every_language_has_easy_kinds_and_hard_ones_too(
    shipped: tuple[CoveragePrompt, ...],
) -> None:
    """With hard prompts missing, "in Korean" would be evidence for "easy"."""
    for language in LANGUAGES:
        mine = [one for one in shipped if one.language == language]
        assert len({one.kind for one in mine if one.most_tier != "large"}) >= 5, language
        assert {"greeting", "translation"} <= {one.kind for one in mine}, language
        assert sum(one.least_tier != "small" for one in mine) >= 2, language


def test_no_two_shipped_texts_of_different_parts_are_nearly_equal(
    shipped: tuple[CoveragePrompt, ...],
) -> None:
    pieces: dict[str, list[set[str]]] = {"prior": [], "test": []}
    for one in shipped:
        text = " ".join(m.content for m in one.messages if m.role != "system")
        text = " ".join(text.lower().split())
        grams = {text[i : i + 4] for i in range(max(1, len(text) - 3))}
        pieces[one.part].append(grams)
    holders: dict[str, list[int]] = {}
    for number, grams in enumerate(pieces["prior"]):
        for gram in grams:
            holders.setdefault(gram, []).append(number)
    worst = 0.0
    for b in pieces["test"]:
        for number, shared in Counter(n for gram in b for n in holders.get(gram, ())).items():
            a = pieces["prior"][number]
            if min(len(a), len(b)) > 0.3 * max(len(a), len(b)):
                worst = max(worst, shared / (len(a) + len(b) - shared))
    assert worst < 0.3


def test_no_passage_of_a_test_prompt_stands_in_a_prior_prompt(
    shipped: tuple[CoveragePrompt, ...],
) -> None:
    """System prompts too, however long the text around it is; but for the frame of tool calls."""

    def passages(part: str) -> set[str]:
        asked = [one for one in shipped if one.part == part and not one.kind.startswith("tool_")]
        texts = (" ".join(m.content.lower().split()) for one in asked for m in one.messages)
        return {text[i : i + 40] for text in texts for i in range(len(text) - 39)}

    assert not passages("prior") & passages("test")


def test_the_readme_counts_what_the_file_holds(shipped: tuple[CoveragePrompt, ...]) -> None:
    readme = (SET / "README.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (\w+) \| (\d+) \| \d+", readme, re.MULTILINE)
    told = {name: int(count) for name, count in rows}
    counts = Counter(one.kind for one in shipped) + Counter(one.language for one in shipped)
    assert told == counts
    assert f"{len(shipped)} prompts" in readme
