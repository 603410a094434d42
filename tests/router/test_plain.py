"""A graph run in NumPy gives what onnxruntime gives, and what NumPy does not know is left to it."""

from collections.abc import Sequence
from functools import cache
from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from router.compiled import KERNEL
from router.defaults import default_artifact_directory
from router.errors import ArtifactError
from router.predict.artifact import Artifact, load_artifact
from router.predict.compiled_graph import Compiled, compiled_graph
from router.predict.encoder import open_session
from router.predict.features import FEATURE_NAMES
from router.predict.fused import Fused
from router.predict.plain import Plain
from router.predict.predictor import predict_all, predict_one
from router.predict.program import Program, program_of
from router.predict.reading import read

N = len(FEATURE_NAMES)
ROW = st.lists(st.floats(-50.0, 50.0, width=32), min_size=N, max_size=N)
GENERATOR = np.random.default_rng(3)
FEW = settings(deadline=None, max_examples=12)
Node = tuple[str, Sequence[str], dict[str, float]]

CONSTANTS = {
    "number": np.float32(1.5),
    "row": GENERATOR.normal(size=N).astype(np.float32),
    "upright": GENERATOR.normal(size=(1, N)).astype(np.float32),
    "square": GENERATOR.normal(size=(N, 4)).astype(np.float32),
    "turned": GENERATOR.normal(size=(4, N)).astype(np.float32),
    "bias": GENERATOR.normal(size=4).astype(np.float32),
    "low": np.float32(-1.0),
    "high": np.float32(2.0),
    "axis": np.array([0], np.int64),
}

KNOWN: list[Node] = [
    *((name, ("features", "row"), {}) for name in ("Add", "Sub", "Mul", "Div", "Max", "Min")),
    *((name, ("number", "features"), {}) for name in ("Add", "Sub", "Mul", "Max")),
    ("Sub", ("upright", "features"), {}),
    ("Max", ("features", "number"), {}),
    ("Mul", ("features", "features"), {}),
    ("Clip", ("features", "low", "high"), {}),
    ("Relu", ("features",), {}),
    ("Sigmoid", ("features",), {}),
    ("Exp", ("features",), {}),
    ("Identity", ("features",), {}),
    ("LpNormalization", ("features",), {"axis": -1, "p": 2}),
    ("Concat", ("features", "features", "features"), {"axis": 1}),
    ("MatMul", ("features", "square"), {}),
    ("Gemm", ("features", "square", "bias"), {}),
    ("Gemm", ("features", "turned", "bias"), {"transB": 1}),
]

UNKNOWN: list[Node] = [
    ("Tanh", ("features",), {}),
    ("Gemm", ("features", "square", "bias"), {"alpha": 2.0}),
    ("Gemm", ("features", "square"), {}),
    ("LpNormalization", ("features",), {"axis": -1, "p": 1}),
    ("Concat", ("features", "row"), {"axis": 1}),
    ("Cast", ("features",), {"to": TensorProto.DOUBLE}),
    ("MatMul", ("turned", "features"), {}),
    ("Add", ("row", "row"), {}),
]


def model(nodes: Sequence[onnx.NodeProto], outputs: Sequence[str] = ("y",)) -> bytes:
    """A graph of features, and of ids that it does not use."""
    used = {name for node in nodes for name in node.input}
    graph = helper.make_graph(
        list(nodes),
        "g",
        [
            helper.make_tensor_value_info("input_ids", TensorProto.INT64, ["tokens"]),
            helper.make_tensor_value_info("features", TensorProto.FLOAT, [1, N]),
        ],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(CONSTANTS[n]), n) for n in CONSTANTS if n in used],
    )
    opset = [helper.make_opsetid("", 18)]
    return helper.make_model(graph, opset_imports=opset, ir_version=9).SerializeToString()


def node(one: Node, result: str = "y") -> onnx.NodeProto:
    operator, inputs, attributes = one
    return helper.make_node(operator, list(inputs), [result], **attributes)


def written(content: bytes, outputs: Sequence[str] = ("y",)) -> Program | None:
    return program_of(content, Path("g.onnx"), {}, outputs, N)


@cache
def opened(content: bytes) -> tuple[list[Plain | Compiled], ort.InferenceSession]:
    program = written(content)
    assert program is not None
    runners: list[Plain | Compiled] = [Plain(program)]
    if KERNEL is not None:
        compiled = compiled_graph(program)
        assert compiled is not None
        runners.append(compiled)
    return runners, ort.InferenceSession(content)


def assert_as_the_runtime(content: bytes, features: list[float]) -> None:
    runners, session = opened(content)
    row = np.array([features], np.float32)
    ids = np.zeros(1, np.int64)
    (known,) = session.run(["y"], {"input_ids": ids, "features": row})
    for runner in runners:
        (ours,) = runner.run(ids, features)
        assert ours == pytest.approx(known[0].tolist(), rel=1e-4, abs=1e-4)


@pytest.mark.parametrize("one", KNOWN, ids=lambda one: f"{one[0]} of {' and '.join(one[1])}")
@given(features=ROW)
@FEW
def test_an_operator_gives_what_the_runtime_gives(one: Node, features: list[float]) -> None:
    assert_as_the_runtime(model([node(one)]), features)


@given(features=ROW)
@FEW
def test_several_branches_that_come_together_give_what_the_runtime_gives(
    features: list[float],
) -> None:
    parts = [
        node(("Gemm", ("features", "square", "bias"), {}), "a"),
        node(("Relu", ("a",), {}), "b"),
        node(("Gemm", ("features", "turned", "bias"), {"transB": 1}), "c"),
        node(("Sigmoid", ("c",), {}), "d"),
        node(("Concat", ("b", "d", "b"), {"axis": -1}), "e"),
        node(("Sub", ("e", "number"), {}), "f"),
        node(("Max", ("f", "low"), {}), "y"),
    ]
    assert_as_the_runtime(model(parts), features)


@pytest.mark.parametrize("one", UNKNOWN, ids=lambda one: f"{one[0]} of {' and '.join(one[1])}")
def test_what_is_not_known_is_left_to_the_runtime(one: Node) -> None:
    assert written(model([node(one)])) is None


def test_other_outputs_are_left_to_the_runtime_to_refuse() -> None:
    content = model([node(KNOWN[0])])
    assert written(content, ("other",)) is None
    assert written(content, ("y", "other")) is None


def test_bytes_that_are_no_graph_are_refused() -> None:
    with pytest.raises(ArtifactError, match="not an ONNX model"):
        written(b"\xff\xff")


def test_scores_beyond_every_float_have_a_limit_and_no_error() -> None:
    for operator, highest in (("Sigmoid", 1.0), ("Exp", float("inf"))):
        runners, _ = opened(model([node((operator, ("features",), {}))]))
        for runner in runners:
            (scores,) = runner.run(np.zeros(1, np.int64), [1e5, -1e5] + [0.0] * (N - 2))
            assert scores[:2] == [highest, 0.0]


@cache
def shipped() -> tuple[Artifact, Fused]:
    """Return the shipped artifact, and its graph of both parts in the runtime."""
    directory = default_artifact_directory()
    artifact = load_artifact(directory)
    fused = Fused(
        open_session(directory / "fused.onnx", refers_to=("encoder.onnx",)),
        artifact.heads,
        dimension=artifact.encoder.info.dimension,
    )
    return artifact, fused


@pytest.mark.parametrize(
    "text",
    ["", " ", "Why?", "One. " * 900, "中文 🙂", "\x00", "Prove that 1 + 1 = 2.\n(A) yes\n(B) no"],
)
def test_the_shipped_artifact_predicts_the_same_with_and_without_the_runtime(text: str) -> None:
    artifact, fused = shipped()
    assert isinstance(artifact.fused, Plain | Compiled)
    reading = read(text)
    ids = artifact.encoder.tokenizer.encode_reading(reading)
    features = [1.0] * N
    for ours, theirs in zip(
        artifact.fused.run(ids, features), fused.run(ids, features), strict=True
    ):
        assert ours == pytest.approx(theirs, rel=1e-4, abs=1e-5)
    singly = predict_one(artifact, reading)
    (together,) = predict_all(artifact, [reading])
    assert singly.adequacy == pytest.approx(together.adequacy, abs=1e-5)
    assert singly.output_tokens == pytest.approx(together.output_tokens, rel=1e-4)
    assert singly.novelty == pytest.approx(together.novelty, abs=1e-4)
