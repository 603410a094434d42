"""The compiled kernel gives what NumPy gives: counts bit for bit, predictions to the rounding."""

import os
import subprocess
import sys
from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import TEXTS, TRICKY

import router.compiled as compiled
from router.compiled import KERNEL, VARIABLE
from router.cost.shape import shape_of
from router.cost.tokens import kind_of, tokens_of
from router.defaults import default_artifact_directory
from router.errors import ConfigError
from router.predict.artifact import Artifact, load_artifact
from router.predict.compiled_graph import Compiled, compiled_graph
from router.predict.features import FEATURE_NAMES, features_of
from router.predict.golden import read_golden
from router.predict.plain import Plain
from router.predict.program import Program, program_of
from router.predict.reading import count, read, read_all, read_in_numpy
from router.predict.tokenize import WordTokenizer
from router.predict.window import has_rule_in_python

needs_kernel = pytest.mark.skipif(
    KERNEL is None, reason=f"there is no compiled kernel here: {compiled.REASON}"
)
SHIPPED = default_artifact_directory()


@cache
def shipped() -> Artifact:
    return load_artifact(SHIPPED)


@cache
def tokenizer(limit: int, *, compiled: bool) -> WordTokenizer:
    return WordTokenizer(SHIPPED / "tokenizer.json", limit, compiled=compiled)


@cache
def program() -> Program:
    content = (SHIPPED / "fused.onnx").read_bytes()
    beside = {"encoder.onnx": (SHIPPED / "encoder.onnx").read_bytes()}
    found = program_of(
        content, SHIPPED / "fused.onnx", beside, shipped().heads.outputs, len(FEATURE_NAMES)
    )
    assert found is not None
    return found


def assert_read_alike(text: str) -> None:
    ours, theirs = read(text), read_in_numpy(text)
    only_one_has = {"words": None, "features": None, "shape": None}
    assert ours._replace(**only_one_has) == theirs._replace(**only_one_has)
    assert features_of(ours) == features_of(theirs)
    assert ours.shape in (None, shape_of(text.encode("utf-8", "replace")))
    assert tokens_of(ours) == tokens_of(theirs) == tokens_of(count(text))
    assert kind_of(ours) == kind_of(theirs) == kind_of(count(text))


def assert_taken_apart_alike(text: str, limit: int) -> None:
    theirs = tokenizer(limit, compiled=False)
    ids = theirs.encode_reading(read_in_numpy(text)).tolist()
    for reading in (read(text), read_in_numpy(text)):
        assert tokenizer(limit, compiled=True).encode_reading(reading).tolist() == ids
        assert theirs.encode_reading(reading).tolist() == ids


@needs_kernel
@pytest.mark.parametrize("text", TRICKY, ids=ascii)
def test_known_troublemakers_are_read_and_taken_apart_alike(text: str) -> None:
    assert_read_alike(text)
    for limit in (1, 7, 64, 10_000):
        assert_taken_apart_alike(text, limit)


@needs_kernel
@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_any_text_is_read_alike_to_the_last_bit(text: str) -> None:
    assert_read_alike(text)


@needs_kernel
@settings(max_examples=200, deadline=None)
@given(text=TEXTS, limit=st.sampled_from([1, 2, 7, 64, 500]))
def test_any_text_is_taken_apart_into_the_same_ids(text: str, limit: int) -> None:
    assert_taken_apart_alike(text, limit)


@needs_kernel
@settings(max_examples=200, deadline=None)
@given(text=TEXTS)
def test_a_run_of_marks_is_found_where_python_finds_it(text: str) -> None:
    runs = KERNEL.Runs(b"-=_*#~.+", 8)  # type: ignore[union-attr]  # there is one
    assert runs.found(text) == has_rule_in_python(text)


@needs_kernel
@settings(max_examples=100, deadline=None)
@given(ids=st.lists(st.integers(0, 30_521), max_size=64), text=TEXTS)
def test_a_prompt_is_predicted_alike(ids: list[int], text: str) -> None:
    ours, theirs = compiled_graph(program()), Plain(program())
    assert isinstance(ours, Compiled)
    given_ids, features = np.array(ids, np.int64), features_of(read(text))
    for one, other in zip(
        ours.run(given_ids, features), theirs.run(given_ids, features), strict=True
    ):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-6)


@needs_kernel
def test_golden_rows_are_decided_alike() -> None:
    ours, theirs = compiled_graph(program()), Plain(program())
    assert ours is not None
    for row in read_golden(SHIPPED / "golden.jsonl"):
        reading = read(row.text)
        ids, features = shipped().encoder.tokenizer.encode_reading(reading), features_of(reading)
        adequacy, lengths = ours.run(ids, features)[:2]
        known, known_lengths = theirs.run(ids, features)[:2]
        assert adequacy == pytest.approx(known, abs=1e-6)
        assert lengths == pytest.approx(known_lengths, rel=1e-5)
        assert np.argsort(adequacy).tolist() == np.argsort(known).tolist()


@needs_kernel
def test_the_shipped_artifact_is_served_by_the_kernel() -> None:
    assert isinstance(shipped().fused, Compiled)


@needs_kernel
@pytest.mark.parametrize("wrong", [[-1], [30_522], [5, 1 << 40]])
def test_an_id_that_the_table_does_not_have_ends_the_call(wrong: list[int]) -> None:
    ours = compiled_graph(program())
    assert ours is not None
    with pytest.raises(IndexError, match="not in the table"):
        ours.run(np.array(wrong, np.int64), [0.0] * len(FEATURE_NAMES))


@needs_kernel
@pytest.mark.parametrize(
    "wrong",
    [
        lambda run: run(np.zeros(1, np.int32), [0.0] * len(FEATURE_NAMES)),
        lambda run: run(np.zeros((1, 1), np.int64), [0.0] * len(FEATURE_NAMES)),
        lambda run: run(np.zeros(1, np.int64), [0.0]),
    ],
)
def test_inputs_of_another_shape_are_refused(wrong: Callable[..., object]) -> None:
    ours = compiled_graph(program())
    assert ours is not None
    with pytest.raises(ValueError, match=r"wanted|are read"):
        wrong(ours.run)


@needs_kernel
@pytest.mark.parametrize(
    ("lengths", "steps"),
    [
        ([0, 2, 3], [("max", 2, (1, 2), ())]),
        ([0, 2, 3], [("copy", 2, (1,), (2,))]),
        ([0, 2, 3], [("copy", 2, (1,), (-1,))]),
        ([0, 2, 3], [("gemm", 2, (1,), (np.ones((3, 3), "f"), np.ones(3, "f")))]),
        ([0, 2, 3], [("gemm", 2, (1,), (np.ones((2, 3), "f"), np.ones(2, "f")))]),
        ([0, 2, 3], [("dot", 2, (1,), (np.ones((2, 3)),))]),
        ([0, 2, 3], [("pool", 2, (), (np.ones((9, 3), np.int8), np.ones(8, "f")))]),
        ([0, 3, 3], []),
    ],
)
def test_steps_that_do_not_fit_each_other_are_refused(
    lengths: list[int], steps: list[object]
) -> None:
    with pytest.raises(ValueError, match=r"wanted|fit|graph"):
        KERNEL.Graph(lengths, [None] * 3, steps, [], 2)  # type: ignore[union-attr]  # there is one


def test_texts_read_together_are_read_as_each_by_itself() -> None:
    assert read_all(TRICKY) == [read(text) for text in TRICKY]


IN_NUMPY = """
from router.compiled import IMPLEMENTATION
from router import load_engine
from router.types import Message, Request
decision = load_engine().route(Request((Message("user", "Why is the sky blue?"),)))
print(IMPLEMENTATION, decision.chosen.deployment.id, *decision.chosen[1:5])
"""


def decided_by(implementation: str) -> list[str]:
    made = subprocess.run(
        [sys.executable, "-c", IN_NUMPY],
        env={**os.environ, VARIABLE: implementation},
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )
    return made.stdout.split()


def test_a_process_told_to_decides_in_numpy_and_decides_the_same() -> None:
    name, deployment, *numbers = decided_by("numpy")
    assert name == "numpy"
    _, other, *others = decided_by("auto")
    assert deployment == other
    assert list(map(float, numbers)) == pytest.approx(list(map(float, others)), abs=1e-6, rel=1e-5)


@pytest.fixture
def chosen_anew(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], tuple[object, str]]:
    def chosen(wanted: str) -> tuple[object, str]:
        monkeypatch.setenv(VARIABLE, wanted)
        found: tuple[object, str] = compiled._found()
        return found

    return chosen


def test_another_word_than_the_three_is_refused(
    chosen_anew: Callable[[str], tuple[object, str]],
) -> None:
    with pytest.raises(ConfigError, match="must be auto, compiled or numpy"):
        chosen_anew("fast")


def test_a_kernel_that_is_not_there_is_done_without_unless_it_is_demanded(
    chosen_anew: Callable[[str], tuple[object, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "router.compiled.kernel", None)
    monkeypatch.delattr(compiled, "kernel", raising=False)
    assert chosen_anew("auto") == (None, "the kernel was not built")
    with pytest.raises(ConfigError, match="was not built; install the package again"):
        chosen_anew("compiled")


@needs_kernel
def test_a_kernel_built_from_other_sources_is_not_used(
    chosen_anew: Callable[[str], tuple[object, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(KERNEL, "VERSION", 0)
    assert chosen_anew("auto") == (None, "the kernel was built from other sources")
