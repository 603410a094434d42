"""Reloads of good and bad artifacts under load, in short, and that callers notice what is wrong."""

import random
from pathlib import Path

import pytest

from bench.reloads.__main__ import build_parser, measure, numbers_of
from bench.reloads.artifacts import SPOILS, write_variant
from bench.reloads.callers import _Caller
from router.catalog import load_catalog
from router.defaults import default_artifact_directory, default_catalog_path
from router.engine import build_engine
from router.errors import RouterError
from router.predict.artifact import load_artifact
from router.server.answer import Answers
from router.types import Message, Request

PROMPT = "Name three rivers that flow into the Black Sea."


def test_no_call_fails_and_no_decision_errs_while_good_and_bad_artifacts_come_and_go():
    arguments = build_parser().parse_args(
        ["--count", "25", "--quiet", "0.5", "--rate", "40", "--seed", "3"]
    )
    rows, story, seen = measure(arguments)
    assert [row.name for row in rows if row.met is False] == []
    assert story.unexpected == []
    assert (sum(seen.failed.values()), seen.wrong, seen.unknown) == (0, 0, 0)
    assert len(seen.decisions) > 1  # several versions answered
    assert {came for _, came in story.came} >= {"CHANGED", "FAILED_PRECONDITION"}


@pytest.mark.parametrize("name", sorted(SPOILS))
def test_what_is_spoilt_cannot_be_joined_to_the_catalog_or_keeps_no_contract(
    tmp_path: Path, name: str
):
    write_variant(default_artifact_directory(), tmp_path / "bad", 1.0)
    SPOILS[name](tmp_path / "bad", random.Random(1))
    try:
        engine = build_engine(load_artifact(tmp_path / "bad"), load_catalog(default_catalog_path()))
    except RouterError:
        assert name != "contracts lost"
    else:
        assert name == "contracts lost"
        assert engine.artifact.promise is None


def test_callers_notice_other_numbers_another_version_and_what_nobody_may_state(
    tiny_artifact: Path, other_artifact: Path, catalog_file: Path
):
    catalog = load_catalog(catalog_file)
    ours, theirs = (
        build_engine(load_artifact(place), catalog) for place in (tiny_artifact, other_artifact)
    )
    version = ours.artifact.version
    expected = {(version, catalog.version, 0): numbers_of(ours, PROMPT)}
    caller = _Caller([PROMPT], expected, 1.0, 0)

    def hold(engine, stated: str) -> tuple[int, int]:
        decision = engine.route(Request((Message("user", PROMPT),)))
        caller._hold(Answers(catalog, stated).write(decision, ""), 0)
        return caller._seen.wrong, caller._seen.unknown

    assert hold(ours, version) == (0, 0)
    assert hold(theirs, version) == (1, 0)  # decided by one, stated as the other
    assert hold(theirs, theirs.artifact.version) == (1, 1)
