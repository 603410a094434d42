"""``python -m bench.instructions``: instructions of one decision, counted by callgrind.

Time depends on what else the machine does; instructions nearly do not, so a change of the path
shows in one run on any machine of one kind. Counted is what the servicer does with the bytes of a
``Route`` call until the bytes of its answer: gRPC itself is not in it. Another processor takes
other branches in NumPy and the runtime, so counts of two machines are not comparable.
"""

import argparse
import random
import sys
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


def decide(servicer: RouterServicer, wires: Sequence[bytes], calls: int) -> None:
    """Decide each request once, for the tokenizer's memory, then ``calls`` times, counted."""
    for call in range(len(wires) + calls):
        if call == len(wires):
            mark()
        answer = servicer.route(pb.RouteRequest.FromString(wires[call % len(wires)]))
        answer.SerializeToString()  # type: ignore[union-attr]  # no audits are drawn
    mark()


def counted(sizes: Sequence[int], calls: int, seed: int) -> None:
    """Decide so many times for each size; this is what runs under callgrind."""
    with servicer_of(load_engine()) as (servicer, _):
        for tokens in sizes:
            generator = random.Random(seed)  # noqa: S311 - text, not a secret
            prompts = [make_prompt(generator, tokens) for _ in range(_PROMPTS)]
            wires = [pb.RouteRequest(prompt=text).SerializeToString() for text in prompts]
            decide(servicer, wires, calls)


def main(argv: Sequence[str] | None = None) -> int:
    """Count, print, write; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="decisions counted (100)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="TOKENS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/bench-instructions.json"))
    parser.add_argument("--counted", action="store_true", help=argparse.SUPPRESS)
    given = sys.argv[1:] if argv is None else list(argv)
    arguments = parser.parse_args(given)
    if arguments.counted:
        counted(arguments.sizes, arguments.calls, arguments.seed)
        return 0
    try:
        found = count(["-m", "bench.instructions", "--counted", *given])
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    rows = [
        Row(f"Route {tokens} tokens", one / arguments.calls / 1000.0, "thousand instructions")
        for tokens, one in zip(arguments.sizes, found, strict=True)
    ]
    publish(rows, arguments.seed, {"calls": arguments.calls}, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
