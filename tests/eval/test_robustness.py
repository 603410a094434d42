"""Changes leave what they should, and flips are counted where a decision really moved."""

import json
import random
from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eval.robustness.__main__ import main
from eval.robustness.changes import CHANGES, UNTAUGHT
from eval.robustness.measure import COSTLY, differences, measure, try_changes
from eval.robustness.texts import outcome_prompts
from router.catalog import load_catalog
from router.defaults import default_catalog_path
from router.engine import Engine, build_engine
from router.errors import DataError
from router.predict.artifact import load_artifact
from router.types import Decision, Goal, Message, Request

BUNDLED = Path("data/outcomes/bfcl.parquet")


@pytest.fixture(scope="module")
def engine(tiny_artifact: Path) -> Engine:
    catalog = load_catalog(default_catalog_path())
    # With these heads, a short question goes to medium and a long one to large.
    patient = replace(catalog, default_goal=Goal(willingness_to_pay_usd=0.06))
    return build_engine(load_artifact(tiny_artifact), patient)


def asked(*texts: str) -> list[tuple[Message, ...]]:
    return [(Message("user", text),) for text in texts]


@given(st.sampled_from(sorted({**CHANGES, **UNTAUGHT})), st.text(max_size=200), st.integers())
def test_a_change_is_the_same_for_the_same_seed_and_never_fails(
    name: str, text: str, seed: int
) -> None:
    first, second = ({**CHANGES, **UNTAUGHT}[name](text, random.Random(seed)) for _ in range(2))
    assert first == second


@given(st.text(alphabet="abcdefgh ", min_size=5, max_size=200), st.integers())
def test_typos_leave_every_word_its_first_letter(text: str, seed: int) -> None:
    changed = CHANGES["typos"](text, random.Random(seed))
    assert [word[0] for word in changed.split()] == [word[0] for word in text.split()]


def test_a_change_that_does_nothing_flips_nothing_and_is_not_listed(engine: Engine) -> None:
    flips = measure(
        engine,
        asked("Why is the sky blue?"),
        ["a"],
        changes={"nothing": lambda text, _: text, "blanks": lambda text, _: f" {text}\n"},
    )
    assert [one.change for one in flips] == ["blanks", "any of these"]
    assert all(one.flipped.value == one.moved.value == 0.0 for one in flips)


def test_a_longer_text_that_goes_to_another_tier_is_a_flip_and_not_a_cheaper_one(
    engine: Engine,
) -> None:
    prompts = asked("Why?", "Who?", "x" * 3000)
    flips = measure(
        engine,
        prompts,
        ["a", "b", "c"],
        changes={"long": lambda text, _: text if len(text) > 99 else text + " word" * 400},
    )
    assert flips[0].prompts == 2
    assert flips[0].flipped.value == 1.0
    assert flips[0].cheaper.value == 0.0
    assert flips[0].moved.value > 0.0


def test_a_flip_between_tiers_of_about_equal_worth_is_not_costly(engine: Engine) -> None:
    prompts = asked("Why?", "Who?")
    longer = {"long": lambda text, _: text + " word" * 400}
    flips = measure(engine, prompts, ["a", "b"], changes=longer)
    assert flips[0].flipped.value == 1.0
    assert flips[0].costly is not None
    worth = [
        {
            one.deployment.tier: one.adequacy - one.expected_cost_usd / 0.06
            for one in found.estimates
        }
        for found in engine.route_many([Request(messages=one) for one in prompts])
        if isinstance(found, Decision)
    ]
    lost = [max(one.values()) - one["large"] >= COSTLY for one in worth]
    assert flips[0].costly.value == sum(lost) / len(prompts)


def test_without_a_willingness_to_pay_no_flip_is_weighed(engine: Engine) -> None:
    target = replace(engine.catalog, default_goal=Goal(quality_target=0.5))
    other = build_engine(engine.artifact, target)
    flips = measure(other, asked("Why?"), ["a"], changes={"blanks": lambda text, _: f" {text}"})
    assert flips[0].costly is None


def test_only_the_last_user_turn_is_changed(engine: Engine) -> None:
    seen: list[str] = []

    def note(text: str, _: random.Random) -> str:
        seen.append(text)
        return text + "!"

    talk = (Message("user", "one"), Message("assistant", "two"), Message("user", "three"))
    measure(engine, [talk], ["a"], changes={"note": note})
    assert seen == ["three"]


def test_texts_outside_the_part_are_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"prompt": ["a text nobody scored"]}), tmp_path / "outcomes.parquet")
    with pytest.raises(DataError, match="is in part 'test'"):
        outcome_prompts([tmp_path], [BUNDLED], part="test", split_seed=0, most=5, seed=0)


def test_the_command_names_what_is_allowed(
    tiny_artifact: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--part", "validation", "--artifact", str(tiny_artifact)]) == 1
    assert "must be one of prior, test" in capsys.readouterr().err


def test_no_prompt_is_an_error(engine: Engine) -> None:
    with pytest.raises(DataError, match="no prompt"):
        measure(engine, [], [])


def test_an_artifact_differs_from_itself_by_nothing(
    tiny_artifact: Path, engine: Engine, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    prompts = asked("Why?", "Who?", "x" * 3000)
    longer = {"long": lambda text, _: text + " word" * 400, "blank": lambda text, _: f" {text}"}
    trials = try_changes(engine, prompts, changes=longer)
    assert trials[0].flipped.any()
    for _, flipped, costly in differences(trials, trials, ["a", "b", "c"]):
        assert flipped.value == flipped.low == flipped.high == 0.0
        assert costly is not None
        assert costly.value == 0.0
    more = differences(trials, [replace(one, flipped=~one.flipped) for one in trials], [*"abc"])
    assert more[1][1].value == -1.0, "blanks flip nothing here and everything there"
    where = ["--artifact", str(tiny_artifact), "--against", str(tiny_artifact)]
    lines = Path("data/coverage/prompts.jsonl").read_text(encoding="utf-8").splitlines()
    few = [line for line in lines if json.loads(line)["part"] == "prior"][:5]
    (tmp_path / "few.jsonl").write_text("\n".join(few), encoding="utf-8")
    assert main([*where, "--part", "prior", "--data", str(tmp_path / "few.jsonl")]) == 0
    assert ".000 [.000, .000]" in capsys.readouterr().out
