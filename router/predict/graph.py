"""What a graph of an artifact may hold, checked before anything runs it.

An ONNX graph can point at other files for its weights, and ask for operators of foreign libraries.
Weights may lie in files of the artifact whose hashes were verified, such as one graph's in another,
and nowhere else; foreign operators are refused. So what was verified is all that is loaded.
Only the few fields this needs are described below, after onnx.proto of ONNX 1.17; reading them
takes no package ``onnx``.
"""

from collections.abc import Collection, Iterator
from functools import cache
from pathlib import Path
from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass

from router.errors import ArtifactError

# Operators that onnxruntime itself brings; a model may also call functions it defines itself.
_DOMAINS = ("", "ai.onnx", "ai.onnx.ml", "com.microsoft")
_EXTERNAL = 1  # TensorProto.DataLocation
_TENSOR, _SPARSE, _GRAPH = "Tensor", "SparseTensor", "Graph"
# message: {field: (number, type or message, whether repeated)}
_FIELDS: dict[str, dict[str, tuple[int, str, bool]]] = {
    "Model": {"graph": (7, _GRAPH, False), "functions": (25, "Function", True)},
    "Function": {"node": (7, "Node", True), "domain": (10, "string", False)},
    _GRAPH: {
        "node": (1, "Node", True),
        "initializer": (5, _TENSOR, True),
        "output": (12, "Value", True),
        "sparse_initializer": (15, _SPARSE, True),
    },
    "Value": {"name": (1, "string", False)},
    "Node": {
        "input": (1, "string", True),
        "output": (2, "string", True),
        "op_type": (4, "string", False),
        "attribute": (5, "Attribute", True),
        "domain": (7, "string", False),
    },
    "Attribute": {
        "name": (1, "string", False),
        "f": (2, "float", False),
        "i": (3, "int64", False),
        "type": (20, "int32", False),
        "t": (5, _TENSOR, False),
        "g": (6, _GRAPH, False),
        "tensors": (10, _TENSOR, True),
        "graphs": (11, _GRAPH, True),
        "sparse_tensor": (22, _SPARSE, False),
        "sparse_tensors": (23, _SPARSE, True),
    },
    _SPARSE: {"values": (1, _TENSOR, False), "indices": (2, _TENSOR, False)},
    "Entry": {"key": (1, "string", False), "value": (2, "string", False)},
    _TENSOR: {
        "dims": (1, "int64", True),
        "data_type": (2, "int32", False),
        "name": (8, "string", False),
        "raw_data": (9, "bytes", False),
        "external_data": (13, "Entry", True),
        "data_location": (14, "int32", False),
    },
}


def check_graph(content: bytes, path: Path, companions: Collection[str] = ()) -> None:
    """Refuse a graph that brings in what was not verified.

    Args:
        content: The bytes of the file.
        path: Where they come from, for the message.
        companions: Names of files beside it that may hold its weights.

    Raises:
        ArtifactError: no ONNX model, weights elsewhere, or an operator of a foreign library.
    """
    model = read_model(content, path)
    domains = {*_DOMAINS, *(function.domain for function in model.functions)}
    for kind, item in _inside(model):
        if kind == _TENSOR and (item.data_location == _EXTERNAL or item.external_data):
            _check_place(item, path, companions)
        if kind == "Node" and item.domain not in domains:
            raise _refusal(
                path, f"the operator {item.domain}.{item.op_type} is not onnxruntime's own"
            )


def read_model(content: bytes, path: Path) -> Any:
    """Return a graph's bytes as a message with the fields above.

    Raises:
        ArtifactError: no ONNX model.
    """
    try:
        return _model_class().FromString(content)
    except DecodeError as error:
        raise _refusal(path, "not an ONNX model") from error


def _check_place(tensor: Any, path: Path, companions: Collection[str]) -> None:
    """Refuse weights in a file that is not a companion; a name with a path in it never is one."""
    places = [item.value for item in tensor.external_data if item.key == "location"]
    # Exactly one, so that nobody has to know which of two onnxruntime would take.
    if len(places) != 1 or places[0] not in companions or Path(places[0]).name != places[0]:
        raise _refusal(path, f"the weights {tensor.name!r} lie in {places}, no verified file")


def _refusal(path: Path, what: str) -> ArtifactError:
    return ArtifactError(
        f"{path}: {what}; restore the artifact directory",
        reason="ARTIFACT_GRAPH",
        metadata={"file": str(path)},
    )


def _inside(message: Any) -> Iterator[tuple[str, Any]]:
    """Yield every message inside one, with its kind."""
    waiting = [message]
    while waiting:
        one = waiting.pop()
        yield one.DESCRIPTOR.name, one
        for field, value in one.ListFields():
            if field.message_type is not None:
                waiting.extend(value if field.is_repeated else [value])


@cache
def _model_class() -> Any:
    file = descriptor_pb2.FileDescriptorProto(name="router/graph.proto", package="router.graph")
    file.syntax = "proto2"  # as onnx.proto; texts need not be UTF-8
    for name, described in _FIELDS.items():
        message = file.message_type.add(name=name)
        for field_name, (number, kind, repeated) in described.items():
            field = message.field.add(name=field_name, number=number)
            field.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            if kind in _FIELDS:
                field.type, field.type_name = field.TYPE_MESSAGE, f".router.graph.{kind}"
            else:
                field.type = getattr(field, f"TYPE_{kind.upper()}")
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return GetMessageClass(pool.FindMessageTypeByName("router.graph.Model"))
