"""``python -m bench.hard TEST``: hard tests of a real server, each with a report in build/hard."""

import argparse
import sys
from collections.abc import Callable, Sequence
from typing import Any

from bench.hard.chaos import TIMES, chaos
from bench.hard.crashes import crashes
from bench.hard.fuzz import fuzz, wire_trial
from bench.hard.fuzz_files import files_trial
from bench.hard.fuzz_kernel import kernel_trial
from bench.hard.kills import kills
from bench.hard.moves import moves
from bench.hard.overload import overload
from bench.hard.report import write_report
from bench.hard.soak import soak
from bench.hard.stops import stops

Found = dict[str, Any]


def _fuzz_wire(arguments: argparse.Namespace) -> Found:
    with wire_trial() as trial:
        return fuzz(trial, arguments.times, arguments.seed)


def _fuzz_files(arguments: argparse.Namespace) -> Found:
    with files_trial() as trial:
        return fuzz(trial, arguments.times, arguments.seed)


def _fuzz_kernel(arguments: argparse.Namespace) -> Found:
    with kernel_trial() as trial:
        return fuzz(trial, arguments.times, arguments.seed)


def _overload(arguments: argparse.Namespace) -> Found:
    return overload(
        arguments.seconds, arguments.seed, arguments.factor, arguments.tokens, arguments.waiting
    )


def build_parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.hard", description=__doc__)
    tests = parser.add_subparsers(required=True, dest="test", metavar="TEST")

    def add(name: str, about: str, run: Callable[[argparse.Namespace], Found]) -> Any:
        test = tests.add_parser(name, help=about, description=about)
        test.add_argument("--seed", type=int, default=0)
        test.set_defaults(run=run)
        return test

    def counted(name: str, about: str, run: Callable[[argparse.Namespace], Found]) -> Any:
        times = TIMES[name]
        test = add(name, f"{about} ({times:,} times)", run)
        test.add_argument("--times", type=int, default=times, metavar="N")
        return test

    one = counted(
        "kills",
        "kill -9 of workers under load",
        lambda given: kills(given.times, given.seed, given.workers),
    )
    one.add_argument("--workers", type=int, default=2)
    counted(
        "crashes",
        "kill -9 of a writer of outcomes",
        lambda given: crashes(given.times, given.seed),
    )
    counted(
        "stops",
        "SIGTERM under load, and a new start",
        lambda given: stops(given.times, given.seed),
    )
    counted(
        "moves",
        "the store moved away under load, two workers",
        lambda given: moves(given.times, given.seed),
    )
    counted("fuzz-wire", "spoilt requests into every method", _fuzz_wire)
    counted("fuzz-files", "spoilt catalogs, settings, artifacts, keys, choices", _fuzz_files)
    counted("fuzz-kernel", "texts and other bytes into the kernel", _fuzz_kernel)
    one = add("overload", "more calls than can be served, and the time after", _overload)
    one.add_argument("--seconds", type=float, default=10.0, help="length of each part (10)")
    one.add_argument("--factor", type=float, default=2.0, help="times what is served (2)")
    one.add_argument("--tokens", type=int, default=100, help="length of the prompts (100)")
    one.add_argument("--waiting", type=int, help="max_waiting_calls of the server")
    one = add(
        "soak",
        "load for long, watching memory, descriptors and latency",
        lambda given: soak(given.minutes, given.seed, given.share),
    )
    one.add_argument("--minutes", type=float, default=20.0)
    one.add_argument("--share", type=float, default=0.7, help="of what can be served (0.7)")
    one = add(
        "chaos",
        "all of these and the reloads, with one report",
        lambda given: chaos(given.scale, given.seed),
    )
    one.add_argument("--scale", type=float, default=1.0, help="of all counts and minutes (1)")
    return parser


def main(argv: Sequence[str] | None = None) -> int:
    """Run a test and write its report; return 1 if it found what must not be."""
    arguments = build_parser().parse_args(argv)
    found = arguments.run(arguments)
    settings = {key: value for key, value in vars(arguments).items() if key not in ("run", "test")}
    write_report(arguments.test, settings, found)
    wrong = [name for name in _MUST_BE_NOTHING if found.get(name)]
    for name in wrong:
        print(f"FAILED: {name} is {found[name]}", file=sys.stderr)
    return 1 if wrong else 0


_MUST_BE_NOTHING = (
    "acknowledged and lost",
    "bad",
    "of these not retryable",
    "calls that failed after retries",
    "not served after it",
    "calls that failed",
    "stops beyond the grace time",
    "stops with another status than 0",
    "tests that failed",
)

if __name__ == "__main__":
    sys.exit(main())
