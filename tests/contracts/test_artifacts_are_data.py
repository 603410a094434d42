"""Nothing on the serving path can turn a file into code: no pickle, no eval, no foreign library."""

import ast
import shutil
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from router.errors import ArtifactError
from router.predict.encoder import open_session
from router.predict.graph import check_graph

ROOT = Path(__file__).resolve().parents[2]
SOURCES = sorted((ROOT / "router").rglob("*.py"))
MODULES = {
    "pickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal", "runpy", "code",
    "codeop", "imp", "ctypes", "cffi", "yaml",
}  # fmt: skip
CALLS = {"eval", "exec", "compile", "__import__", "import_module", "execfile"}
ATTRIBUTES = {
    "register_custom_ops_library", "allow_pickle", "load_module", "exec_module", "system",
    "enable_load_extension", "load_extension",
}  # fmt: skip
# Children run our own interpreter with our own modules, never a file of an artifact.
STARTS_PROCESSES = {"router/cli/child.py", "router/cli/planning.py", "router/workers/slot.py"}


def forbidden(tree: ast.AST, name: str) -> list[str]:
    """Return what of a source text could run foreign code."""
    found = []
    for node in ast.walk(tree):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            names = [node.module or ""]
        for module in names:
            top = module.split(".")[0]
            if top in MODULES or (top == "subprocess" and name not in STARTS_PROCESSES):
                found.append(f"{name}:{node.lineno} imports {module}")
        if isinstance(node, ast.Call):
            called = node.func
            plain = called.id if isinstance(called, ast.Name) else ""
            # re.compile makes a pattern, not code.
            dotted = called.attr if isinstance(called, ast.Attribute) else ""
            if plain in CALLS or dotted in CALLS - {"compile"}:
                found.append(f"{name}:{node.lineno} calls {plain or dotted}")
            found += [
                f"{name}:{node.lineno} gives {word.arg}"
                for word in node.keywords
                if word.arg in ATTRIBUTES or word.arg == "shell"
            ]
        if isinstance(node, ast.Attribute) and node.attr in ATTRIBUTES:
            found.append(f"{name}:{node.lineno} uses {node.attr}")
    return found


def test_no_source_of_the_serving_package_can_run_code_from_a_file() -> None:
    assert len(SOURCES) > 60
    for path in SOURCES:
        name = str(path.relative_to(ROOT))
        if name.startswith("router/v1/"):  # generated: its builder is protobuf's
            continue
        assert forbidden(ast.parse(path.read_text(encoding="utf-8")), name) == []


@pytest.mark.parametrize(
    "line",
    [
        "import pickle", "from joblib import load", "eval('1')", "builtins.exec('1')",
        "importlib.import_module(name)", "np.load(path, allow_pickle=True)",
        "options.register_custom_ops_library(path)", "import subprocess", "os.system('ls')",
        "connection.enable_load_extension(True)", "run('ls', shell=True)",
    ],
)  # fmt: skip
def test_the_check_sees_every_way_it_knows_of(line: str) -> None:
    assert forbidden(ast.parse(line), "router/x.py")


def graph(location: str, keys: tuple[str, ...] = ("location",)) -> bytes:
    """A graph y = x + w whose w lies in another file."""
    weights = numpy_helper.from_array(np.zeros(4, np.float32), "w")
    weights.ClearField("raw_data")
    weights.data_location = TensorProto.EXTERNAL
    for key in keys:
        weights.external_data.add(key=key, value=location)
    shape = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [4]) for name in "xy"]
    made = helper.make_graph(
        [helper.make_node("Add", ["x", "w"], ["y"])], "g", shape[:1], shape[1:], [weights]
    )
    opset = [helper.make_opsetid("", 17)]
    return helper.make_model(made, opset_imports=opset, ir_version=9).SerializeToString()


@pytest.mark.parametrize(
    "location",
    ["../w.bin", "/tmp/w.bin", "other.bin", "./w.bin", "sub/w.bin", "..", ".", "", "w.bin\x00",
     "..\\w.bin"],
)  # fmt: skip
def test_weights_outside_the_verified_files_are_refused_before_the_runtime_sees_them(
    tmp_path: Path, location: str
) -> None:
    (tmp_path.parent / "w.bin").write_bytes(bytes(16))
    path = tmp_path / "g.onnx"
    path.write_bytes(graph(location))
    with pytest.raises(ArtifactError, match="no verified file") as caught:
        open_session(path, refers_to=("w.bin", "../w.bin", "/tmp/w.bin"))
    assert caught.value.reason == "ARTIFACT_GRAPH"


def test_weights_in_a_verified_file_beside_the_graph_are_taken(tmp_path: Path) -> None:
    path = tmp_path / "g.onnx"
    path.write_bytes(graph("w.bin"))
    np.arange(4, dtype=np.float32).tofile(tmp_path / "w.bin")
    session = open_session(path, refers_to=("w.bin",))
    assert session.run(None, {"x": np.ones(4, np.float32)})[0].tolist() == [1, 2, 3, 4]


def test_a_graph_that_names_two_places_or_none_for_its_weights_is_refused() -> None:
    for keys in (("location", "location"), ("offset",), ()):
        with pytest.raises(ArtifactError, match="no verified file"):
            check_graph(graph("w.bin", keys), Path("g.onnx"), {"w.bin"})


def test_weights_and_operators_are_looked_for_inside_branches_and_functions_too() -> None:
    hidden = helper.make_tensor("c", TensorProto.FLOAT, [1], [1.0])
    hidden.ClearField("float_data")
    hidden.data_location = TensorProto.EXTERNAL
    hidden.external_data.add(key="location", value="../w.bin")
    constant = helper.make_node("Constant", [], ["c"], value=hidden)
    out = [helper.make_tensor_value_info("c", TensorProto.FLOAT, [1])]
    branch = helper.make_graph([constant], "then", [], out)
    choice = helper.make_node("If", ["b"], ["y"], then_branch=branch, else_branch=branch)
    whole = helper.make_graph([choice], "g", [], out)
    with pytest.raises(ArtifactError, match="no verified file"):
        check_graph(helper.make_model(whole).SerializeToString(), Path("g.onnx"))
    foreign = helper.make_node("Run", ["x"], ["y"], domain="my.library")
    function = helper.make_function(
        "own", "f", ["x"], ["y"], [foreign], [helper.make_opsetid("my.library", 1)]
    )
    uses_own = helper.make_node("f", ["x"], ["y"], domain="own")
    graph_of_own = helper.make_graph([uses_own], "g", [], [])
    model = helper.make_model(graph_of_own, functions=[function]).SerializeToString()
    with pytest.raises(ArtifactError, match=r"operator my\.library\.Run is not onnxruntime's own"):
        check_graph(model, Path("g.onnx"))


@given(content=st.binary(max_size=300))
@settings(deadline=None)
def test_bytes_of_any_kind_are_a_graph_or_refused(content: bytes) -> None:
    for data in (content, graph("w.bin")[:40] + content, content + graph("w.bin")):
        with suppress(ArtifactError):
            check_graph(data, Path("g.onnx"))


def test_a_file_of_the_artifact_that_is_a_link_out_of_it_is_verified_by_its_content(
    tmp_path: Path,
) -> None:
    """Links are followed by hash and runtime alike; what differs from the manifest is refused."""
    from router.defaults import default_artifact_directory
    from router.predict.artifact import load_artifact

    place = tmp_path / "artifact"
    shutil.copytree(default_artifact_directory(), place)
    secret = tmp_path / "secret"
    secret.write_text("a secret of this machine")
    (place / "contract.json").unlink()
    (place / "contract.json").symlink_to(secret)
    with pytest.raises(ArtifactError) as caught:
        load_artifact(place)
    assert caught.value.reason == "ARTIFACT_ALTERED"
    assert "a secret of this machine" not in str(caught.value)
