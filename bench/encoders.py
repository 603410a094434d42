"""``python -m bench.encoders``: a transformer as the encoder, beside the static one that ships.

``make encoder KIND=transformer`` exports all-MiniLM-L6-v2 behind the encoder's interface. Here it
takes the static encoder's place in the shipped artifact, in front of the shipped heads: a real
server, whose predictions mean nothing, because no heads were trained for it. So this is about time
only; what the better vector is worth is docs/decisions/0004. It needs the packages of training.
"""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

from bench.document import add_flag, write_section
from bench.growth.axes import SHIPPED, Point
from bench.growth.setups import Place
from bench.growth.times import Timed, serving, take_turns
from bench.report import Row, write_rows
from bench.variants import copy_with_heads, seal, without_contracts
from eval.tables import markdown
from router.defaults import default_artifact_directory, default_catalog_path
from router.errors import ArtifactError, RouterError
from router.predict.encoder import read_encoder_info
from router.predict.files import ReadOnce, read_json

SIZES = (20, 100, 500)


def write_with_encoder(source: Path, target: Path, encoder: Path) -> None:
    """Write an artifact whose prompts are read by another encoder.

    Args:
        source: A good artifact; its heads see the first numbers of the other's vectors.
        target: Directory to be made.
        encoder: Directory of an encoder, with vectors as long as the source's or longer.

    Raises:
        ArtifactError: the encoder's directory is not there, or its vectors are too short.
    """
    if not (encoder / "encoder.json").is_file():
        raise ArtifactError(
            f"{encoder}: there is no encoder here; run 'make encoder KIND=transformer' or name the "
            "directory of one",
            reason="ARTIFACT_FILE_MISSING",
        )
    given = read_encoder_info(ReadOnce(encoder)).dimension
    wanted = read_encoder_info(ReadOnce(source)).dimension
    if given < wanted:
        raise ArtifactError(
            f"{encoder}: vectors of {given} numbers, the heads take {wanted}; give an encoder of "
            "at least that many",
            reason="ARTIFACT_ENCODER",
        )

    def narrow(graph: onnx.GraphProto) -> None:
        first = np.eye(given, wanted, dtype=np.float32)
        for node in graph.node:
            node.input[:] = ["narrowed" if name == "vector" else name for name in node.input]
        graph.initializer.append(numpy_helper.from_array(first, "narrowing"))
        graph.node.insert(0, helper.make_node("MatMul", ["vector", "narrowing"], ["narrowed"]))
        for item in graph.input:
            if item.name == "vector":
                item.type.tensor_type.shape.dim[1].dim_value = given

    copy_with_heads(source, target, narrow, encoder)
    manifest = read_json(target / "manifest.json")
    manifest["encoder_sha256"] = read_json(target / "encoder.json")["sha256"]
    without_contracts(target, manifest)
    seal(target, manifest)


def measure(
    encoder: Path, sizes: Sequence[int], seconds: float, rounds: int, seed: int
) -> list[tuple[Timed, Timed]]:
    """Return, for each size, the calls with the shipped encoder and those with the other one.

    Raises:
        ArtifactError: see ``write_with_encoder``.
    """
    with tempfile.TemporaryDirectory() as root, ExitStack() as stack:
        other = Path(root, "artifact")
        write_with_encoder(default_artifact_directory(), other, encoder)
        clients = [
            stack.enter_context(serving(Place(artifact, default_catalog_path()), Path(root, name)))
            for artifact, name in ((default_artifact_directory(), "a"), (other, "b"))
        ]
        asked = [(Point(n, SHIPPED, n), one) for n in sizes for one in clients]
        timed = take_turns(asked, seconds, rounds, seed)
    print(file=sys.stderr)
    return list(zip(timed[::2], timed[1::2], strict=True))


def rows_of(pairs: Sequence[tuple[Timed, Timed]]) -> list[Row]:
    """Return the figures."""
    rows = []
    for static, other in pairs:
        size = f"Route {static.point.tokens} tokens"
        for name, one in (("static encoder", static), ("transformer", other)):
            label = f"{size}, {name}"
            rows += [
                Row(f"{label}: median", one.median_ms, "ms"),
                Row(f"{label}: p99", one.p99_ms, "ms"),
                Row(f"{label}: median / echo", one.over_echo, "x"),
            ]
        rows.append(Row(f"{size}, transformer: median / static", other.over(static), "x"))
    return rows


def table_of(pairs: Sequence[tuple[Timed, Timed]]) -> str:
    """Return the same as a table in Markdown."""
    head = (
        "Route, tokens", "static: median ms", "p99 ms", "transformer: median ms", "p99 ms",
        "transformer / static",
    )  # fmt: skip
    lines = [
        (
            f"{static.point.tokens:,}",
            f"{static.median_ms:.2f}",
            f"{static.p99_ms:.2f}",
            f"{other.median_ms:.2f}",
            f"{other.p99_ms:.2f}",
            f"{other.over(static):.1f}",
        )
        for static, other in pairs
    ]
    return markdown([head, *lines])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure, print a table in Markdown, write; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.encoders", description=__doc__)
    parser.add_argument("--encoder", type=Path, default=Path("build/encoder"), metavar="DIRECTORY")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="TOKENS")
    parser.add_argument("--seconds", type=float, default=0.5, help="length of a block (0.5)")
    parser.add_argument("--rounds", type=int, default=7, help="alternating rounds (7)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/bench-encoders.json"))
    add_flag(parser)
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = parser.parse_args(given)
    try:
        pairs = measure(
            arguments.encoder, arguments.sizes, arguments.seconds, arguments.rounds, arguments.seed
        )
        print(table_of(pairs))
        seed, text = arguments.seed, table_of(pairs)
        write_section(arguments.document, "encoders", "bench.encoders", given, seed, text)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    settings = {name: getattr(arguments, name) for name in ("seconds", "rounds")}
    write_rows(rows_of(pairs), arguments.seed, settings, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
