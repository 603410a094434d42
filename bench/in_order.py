"""``python -m bench.in_order``: the stages of a decision, each timed in its turn inside the whole.

``bench.stages`` runs each stage in a loop of its own, where its code and data are in the nearest
caches. Here every stage comes after all others, as in a call, so that what they cost each other
shows. gRPC is left out, and with it what waking up for a call costs.
"""

import argparse
import random
import sys
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from statistics import median, quantiles

from bench.report import Row, publish
from bench.texts import make_prompt
from router import load_engine
from router.engine import Engine
from router.server.answer import Answers
from router.server.convert import to_request
from router.server.limits import Limits
from router.v1 import router_pb2 as pb

SIZES = (20, 100, 500)
_PROMPTS = 400
_TIMES = 4


def stage_times(engine: Engine, tokens: int, seed: int) -> dict[str, list[float]]:
    """Return the microseconds of each stage and of the whole, of every decision timed."""
    generator = random.Random(seed)  # noqa: S311 - text, not a secret
    wires = [
        pb.RouteRequest(prompt=make_prompt(generator, tokens)).SerializeToString()
        for _ in range(_PROMPTS)
    ]
    answers = Answers(engine.catalog, engine.artifact.version, engine.artifact.length_bounds)
    limits, clock = Limits(), time.perf_counter
    times: dict[str, list[float]] = defaultdict(list)
    for call in range(_PROMPTS * (1 + _TIMES)):
        before = began = clock()

        def lap(stage: str, is_timed: bool = call >= _PROMPTS) -> None:
            nonlocal before
            now = clock()
            if is_timed:  # the first ones fill the tokenizer's memory
                times[stage].append((now - before) * 1e6)
            before = clock()

        wire = pb.RouteRequest.FromString(wires[call % _PROMPTS])
        lap("parse")
        request = to_request(wire, engine.catalog, limits)
        lap("convert in")
        decision = engine.route(request, lap)
        lap("choose")
        answers.written(decision, request.request_id)
        lap("convert out")
        before = began
        lap("all")
    return times


def main(argv: Sequence[str] | None = None) -> int:
    """Time, print, write; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m bench.in_order", description=__doc__)
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="TOKENS")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--out", type=Path, default=Path("build/bench-in-order.json"))
    arguments = parser.parse_args(argv)
    engine = load_engine()
    rows = []
    for tokens in arguments.sizes:
        for stage, times in stage_times(engine, tokens, arguments.seed).items():
            name = f"{stage}, {tokens} tokens, in order"
            rows.append(Row(f"{name}: median", median(times), "us"))
            rows.append(Row(f"{name}: fastest tenth", quantiles(times, n=10)[0], "us"))
    publish(rows, arguments.seed, {"prompts": _PROMPTS, "times": _TIMES}, arguments.out)
    return 0


if __name__ == "__main__":
    sys.exit(main())
