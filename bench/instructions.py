"""``python -m bench.instructions``: instructions of one decision, counted by callgrind.

Time depends on what else the machine does; instructions nearly do not, so a change of the path
shows in one run on any machine of one kind. Counted is what the servicer does with the bytes of a
``Route`` call until the bytes of its answer: gRPC itself is not in it. Another processor takes
other branches in NumPy and the runtime, so counts of two machines are not comparable.
"""

import argparse
import random
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.callgrind import count, mark
from bench.in_process import servicer_of
from bench.report import Row, publish
from bench.texts import make_prompt
from router import load_engine
from router.errors import RouterError
from router.server.servicer import RouterServicer
from router.v1 import router_pb2 as pb

SIZES = (20, 100, 500, 5_000, 50_000)
_PROMPTS = 20


def write_requests(path: Path, requests: Sequence[pb.RouteRequest]) -> Path:
    """Write requests for ``decide_all``: making their texts under callgrind would take minutes."""
    path.write_bytes(pb.RouteBatchRequest(requests=requests).SerializeToString())
    return path


def decide_all(servicer: RouterServicer, path: Path, calls: int) -> None:
    """Decide each request of a file once, for the tokenizer's memory, then ``calls``, counted."""
    batch = pb.RouteBatchRequest.FromString(path.read_bytes())
    wires = [request.SerializeToString() for request in batch.requests]
    for call in range(len(wires) + calls):
        if call == len(wires):
            mark()
        servicer.route(pb.RouteRequest.FromString(wires[call % len(wires)]))
    mark()


def counted(paths: Sequence[Path], calls: int) -> None:
    """Decide so many of each file's requests; this is what runs under callgrind."""
    with servicer_of(load_engine()) as (servicer, _):
        for path in paths:
            decide_all(servicer, path, calls)


def instructions(sizes: Sequence[int], calls: int, seed: int) -> list[float]:
    """Return the instructions of one decision for each size of prompt.

    Raises:
        NotReadyError: valgrind is missing or failed.
    """
    with tempfile.TemporaryDirectory() as place:
        paths = []
        for tokens in sizes:
            generator = random.Random(seed)  # noqa: S311 - text, not a secret
            texts = [make_prompt(generator, tokens) for _ in range(_PROMPTS)]
            requests = [pb.RouteRequest(prompt=text) for text in texts]
            paths.append(str(write_requests(Path(place, f"{tokens}.bin"), requests)))
        flags = ["--calls", str(calls), "--counted", *paths]
        return [one / calls for one in count(["-m", "bench.instructions", *flags])]


def main(argv: Sequence[str] | None = None) -> int:
    """Count, print, write; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="decisions counted (100)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="TOKENS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/bench-instructions.json"))
    parser.add_argument("--counted", type=Path, nargs="+", help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.counted:
        counted(arguments.counted, arguments.calls)
        return 0
    try:
        found = instructions(arguments.sizes, arguments.calls, arguments.seed)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    rows = [
        Row(f"Route {tokens} tokens", one / 1000.0, "thousand instructions")
        for tokens, one in zip(arguments.sizes, found, strict=True)
    ]
    publish(rows, arguments.seed, {"calls": arguments.calls}, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
