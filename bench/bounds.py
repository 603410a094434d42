"""What it costs to parse a flood of tags, and to refuse it: ``python -m bench.bounds``.

Tags come in the order of a map's table, the worst order for a parser. Times are of the processor.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from router.errors import InvalidRequestError
from router.server import bounds
from router.server.limits import Limits
from router.v1 import router_pb2 as pb


def main(argv: Sequence[str] | None = None) -> int:
    """Print one line per number of tags; return 0."""
    parser = argparse.ArgumentParser(prog="python -m bench.bounds", description=__doc__)
    parser.add_argument("--tags", type=int, nargs="+", default=[10_000, 80_000, 300_000])
    arguments = parser.parse_args(argv)
    check = bounds.Bounds(pb.RouteRequest.DESCRIPTOR, Limits()).check
    for count in arguments.tags:
        request = pb.RouteRequest(prompt="a", tags={f"k{n}": "" for n in range(count)})
        raw = request.SerializeToString()
        looking = _ms(check, raw)
        parsing = _ms(pb.RouteRequest.FromString, raw)
        print(f"{count:,} tags, {len(raw):,} bytes: look {looking:.2f} ms, parse {parsing:.0f} ms")
    return 0


def _ms(what: Callable[[bytes], object], raw: bytes) -> float:
    started = time.thread_time()
    with suppress(InvalidRequestError):
        what(raw)
    return (time.thread_time() - started) * 1e3


if __name__ == "__main__":
    raise SystemExit(main())
