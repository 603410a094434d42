"""``python -m bench.instructions``: instructions of one decision, counted by callgrind.

Time depends on what else the machine does; instructions nearly do not, so a change of the path
shows in one run on any machine of one kind. Counted is what the servicer does with the bytes of a
``Route`` call until the bytes of its answer: gRPC itself is not in it. Another processor takes
other branches in NumPy and the runtime, so counts of two machines are not comparable.
"""

import argparse
import os
import random
import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from bench.in_process import switch_of
from bench.programs import find_program
from bench.report import Row, publish
from bench.texts import make_prompt
from router import load_engine
from router.config import Config
from router.errors import NotReadyError, RouterError
from router.ledger.store import OutcomeStore
from router.ledger.writer import OutcomeWriter
from router.server.follow_up import FollowUp
from router.server.learning import Learning
from router.server.limits import Limits
from router.server.servicer import RouterServicer
from router.v1 import router_pb2 as pb

SIZES = (20, 100, 500, 5_000, 50_000)
_ROOT = Path(__file__).resolve().parent.parent
_PROMPTS = 20
_TOTAL = re.compile(r"^summary: (\d+)", re.MULTILINE)


def counted(tokens: int, calls: int, seed: int) -> None:
    """Decide so many times; this is what runs under callgrind."""
    generator = random.Random(seed)  # noqa: S311 - text, not a secret
    wires = [
        pb.RouteRequest(prompt=make_prompt(generator, tokens)).SerializeToString()
        for _ in range(_PROMPTS)
    ]
    engine = load_engine()
    with tempfile.TemporaryDirectory() as place:
        config = Config(store=Path(place, "outcomes.sqlite3"))
        store = OutcomeStore(config.store)
        follow_up = FollowUp(config, lambda: None)
        outcomes = OutcomeWriter(store, config.max_waiting_outcomes)
        learning = Learning(config)
        switch = switch_of(engine, follow_up, learning)
        servicer = RouterServicer(switch, outcomes, Limits(), follow_up, learning)
        for call in range(_PROMPTS + calls):  # the first ones fill the tokenizer's memory
            answer = servicer.route(pb.RouteRequest.FromString(wires[call % _PROMPTS]))
            answer.SerializeToString()  # type: ignore[union-attr]  # no audits are drawn
        outcomes.close()
        learning.close()
        follow_up.close()
        store.close()


def find_valgrind() -> str:
    """Return the path of valgrind.

    Raises:
        NotReadyError: it is not installed.
    """
    return find_program(
        "valgrind",
        "install it (apt install valgrind), or run 'python -m bench', which measures time and "
        "needs nothing",
    )


def instructions(tokens: int, calls: int, seed: int) -> float:
    """Return the instructions of one decision: those of ``calls`` more, divided by ``calls``.

    Raises:
        NotReadyError: valgrind is missing or failed.
    """
    few, many = (_total(tokens, count, seed) for count in (0, calls))
    return (many - few) / calls


def _total(tokens: int, calls: int, seed: int) -> int:
    with tempfile.TemporaryDirectory() as place:
        out = Path(place, "callgrind.out")
        done = subprocess.run(  # noqa: S603 - a fixed program, arguments are ours
            [
                find_valgrind(), "--tool=callgrind", f"--callgrind-out-file={out}",
                sys.executable, "-m", "bench.instructions",
                "--count", str(tokens), str(calls), "--seed", str(seed),
            ],
            capture_output=True, text=True, check=False, cwd=_ROOT,
            env={**os.environ, "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
        )  # fmt: skip
        found = _TOTAL.search(out.read_text(encoding="utf-8")) if out.is_file() else None
    if done.returncode != 0 or found is None:
        raise NotReadyError(f"valgrind ended with {done.returncode}: {done.stderr[-500:]}")
    return int(found[1])


def main(argv: Sequence[str] | None = None) -> int:
    """Count, print, write; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.instructions", description=__doc__)
    parser.add_argument("--calls", type=int, default=100, help="decisions counted (100)")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="TOKENS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/bench-instructions.json"))
    parser.add_argument("--count", type=int, nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args(argv)
    if arguments.count:
        tokens, calls = arguments.count
        counted(tokens, calls, arguments.seed)
        return 0
    rows = []
    try:
        for tokens in arguments.sizes:
            value = instructions(tokens, arguments.calls, arguments.seed)
            rows.append(Row(f"Route {tokens} tokens", value / 1000.0, "thousand instructions"))
            print(".", end="", file=sys.stderr, flush=True)
    except RouterError as error:
        print(f"error: {error.message}", file=sys.stderr)
        return 1
    print(file=sys.stderr)
    publish(rows, arguments.seed, {"calls": arguments.calls}, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
