"""Spoilt requests into every method, spoilt files into every loader: only errors of ours, quickly.

What a method or loader raises on purpose derives from ``RouterError``; anything else would be
INTERNAL to a caller or a traceback to whoever starts a server, and is written down with its input.
"""

import contextlib
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from dataclasses import replace
from pathlib import Path
from typing import Any, Protocol

from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass

from bench.hard.mutate import filled, spoilt, touched
from bench.in_process import switch_of
from router import load_engine
from router.config import Config
from router.engine import Engine
from router.errors import RouterError
from router.server.follow_up import FollowUp
from router.server.learning import Learning
from router.server.limits import Limits
from router.server.service import decoder, serialized
from router.server.servicer import Pending, RouterServicer, Unfinished
from router.v1 import router_pb2 as pb

HUNG_SECONDS = 2.0
_MOST_KEPT = 20
_METHODS = {
    "Route": "route", "RouteBatch": "route_batch", "Review": "review",
    "RecordOutcome": "record_outcome", "RecordAudit": "record_audit", "ListTiers": "list_tiers",
    "GetPromise": "get_promise",
}  # fmt: skip
_WEIGHTS = {"Route": 8, "RouteBatch": 4, "Review": 8, "RecordOutcome": 4, "RecordAudit": 2}


class _Acknowledged:
    """A writer that takes every outcome and keeps none."""

    def put(self, _: Any) -> "Future[bool]":
        future: Future[bool] = Future()
        future.set_result(False)
        return future


class Trial(Protocol):
    """One spoilt input: a name, the input as text, and what is done with it."""

    def __call__(self, generator: random.Random) -> tuple[str, Any, Callable[[], None]]:
        """Make one."""
        ...


class Findings:
    """How inputs ended, and those that must not end so."""

    def __init__(self) -> None:
        self.ended: Counter[str] = Counter()
        self.bad: list[dict[str, str]] = []
        self.slowest = 0.0

    def try_(self, name: str, given: Any, work: Callable[[], None]) -> None:
        """Do the work and write down how it ended."""
        began = time.perf_counter()
        try:
            work()
            how = "accepted"
        except RouterError as error:
            how = error.code if error.code != "INTERNAL" else "BAD INTERNAL"
        except Exception as error:
            how = f"BAD {type(error).__name__}: {error}"[:200]
        seconds = time.perf_counter() - began
        self.slowest = max(self.slowest, seconds)
        if seconds > HUNG_SECONDS:
            how = f"BAD took {seconds:.1f} s"
        self.ended["bad" if how.startswith("BAD") else how] += 1
        if how.startswith("BAD") and len(self.bad) < _MOST_KEPT:
            self.bad.append({"what": name, "how": how, "given": repr(given)[:2000]})


def fuzz(trial: Trial, times: int, seed: int) -> dict[str, Any]:
    """Try ``times`` inputs."""
    findings, generator = Findings(), random.Random(seed)  # noqa: S311 - inputs, no secret
    began = time.perf_counter()
    for number in range(times):
        findings.try_(*trial(generator))
        if (number + 1) % max(times // 20, 1) == 0:
            spent = time.perf_counter() - began
            print(f"{number + 1} inputs, {spent:.0f} s", file=sys.stderr, flush=True)
    return {
        "inputs": times,
        "ended": dict(findings.ended),
        "bad": findings.bad,
        "slowest, ms": round(findings.slowest * 1e3, 1),
        "seconds": round(time.perf_counter() - began, 1),
    }


@contextlib.contextmanager
def wire_trial(engine: Engine | None = None) -> Iterator[Trial]:
    """Return trials of every method of the service, from its bytes to the bytes of its answer."""
    engine = engine or load_engine()
    with tempfile.TemporaryDirectory() as directory:
        config = replace(Config(), store=Path(directory, "outcomes.sqlite3"))
        follow_up = FollowUp(config, lambda: None)
        writer, limits, learning = _Acknowledged(), Limits(max_batch=64), Learning(config)
        switch = switch_of(engine, follow_up, learning)
        servicer = RouterServicer(switch, writer, limits, follow_up, learning)  # type: ignore[arg-type]  # what it needs of a writer
        yield _wire_trial(servicer, engine)
        learning.close()
        follow_up.close()


def _wire_trial(servicer: RouterServicer, engine: Engine) -> Trial:
    service = pb.DESCRIPTOR.services_by_name["RouterService"]
    kinds = {name: service.methods_by_name[name].input_type for name in _METHODS}
    decoders = {name: decoder(kind, servicer.limits) for name, kind in kinds.items()}
    classes = {name: GetMessageClass(kind) for name, kind in kinds.items()}
    seeds = {name: [one.SerializeToString() for one in some] for name, some in _valid().items()}
    everything = list(itertools.chain.from_iterable(seeds.values()))
    names = list(_METHODS)
    weights = [_WEIGHTS.get(name, 1) for name in names]

    def trial(generator: random.Random) -> tuple[str, Any, Callable[[], None]]:
        (name,) = generator.choices(names, weights)
        seed, how = generator.choice(seeds[name]), generator.random()
        if how < 0.3:
            raw = spoilt(seed, everything, generator)
        elif how < 0.5:
            raw = filled(classes[name](), generator).SerializeToString()
        else:
            raw = touched(classes[name].FromString(seed), generator).SerializeToString()

        def work() -> None:
            answer = getattr(servicer, _METHODS[name])(decoders[name](raw))
            if isinstance(answer, Unfinished):
                answer = answer.finish()
            elif isinstance(answer, Pending):
                answer = answer.answer(answer.future.result())
            serialized(answer)

        return name, raw, work

    return trial


def _valid() -> dict[str, list[Message]]:
    """Return requests that every method accepts, to be spoilt."""
    route = pb.RouteRequest(
        prompt="Prove that the square root of two is irrational.",
        request_id="r-1",
        session_id="s",
        tags={"team": "a"},
        max_output_tokens=500,
        needs=pb.Needs(tools=True, residency=["eu"], context_window_tokens=8000),
        allowed_tiers=["small", "large"],
        goal=pb.Goal(quality_target=0.8, max_cost_usd=0.5),
    )
    talk = pb.RouteRequest(
        messages=[pb.Message(role="user", content="Hello"), pb.Message(role="user", content="So?")],
        goal=pb.Goal(willingness_to_pay_usd=0.01),
    )
    contract = pb.RouteRequest(
        prompt="Name a fruit.", goal=pb.Goal(contract=pb.Contract(max_loss_rate=0.1))
    )
    generator = random.Random(7)  # noqa: S311 - inputs, no secret
    reviews = [filled(pb.ReviewRequest(), generator) for _ in range(8)]
    return {
        "Route": [route, talk, contract],
        "RouteBatch": [pb.RouteBatchRequest(requests=[route, talk, contract])],
        "Review": reviews,
        "RecordOutcome": [
            pb.RecordOutcomeRequest(
                decision_id="d", request_id="r", quality=0.5, latency_ms=12.5, input_token_count=3
            )
        ],
        "RecordAudit": [pb.RecordAuditRequest(decision_id="d", quality=0.5, top_quality=1.0)],
        "ListTiers": [pb.ListTiersRequest()],
        "GetPromise": [pb.GetPromiseRequest()],
    }
