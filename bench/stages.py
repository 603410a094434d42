"""How long each stage of a decision takes inside the process, one call after the other."""

import random
import time
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Any

import numpy as np

from bench.texts import make_prompt
from router.cost.tokens import tokens_of
from router.engine import Engine
from router.predict.features import features_of
from router.predict.predictor import predict_one
from router.predict.reading import read
from router.predict.window import window
from router.server.answer import Answers
from router.server.convert import to_request
from router.server.counted import STAGES, Counted, MethodCounts
from router.server.limits import Limits
from router.types import Decision
from router.v1 import router_pb2 as pb


def stage_times(engine: Engine, tokens: int, calls: int, seed: int) -> dict[str, float]:
    """Return the median microseconds of each stage over ``calls`` prompts of ``tokens``.

    The whole of it is measured too ("all"); it is more than the sum where stages evict each other
    from the caches of the processor.
    """
    generator = random.Random(seed)  # noqa: S311 - text, not a secret
    limits = Limits()
    wires = [pb.RouteRequest(prompt=make_prompt(generator, tokens)) for _ in range(max(calls, 1))]
    artifact = engine.artifact
    answers = Answers(engine.catalog, artifact.version, artifact.length_bounds)
    tokenizer, heads = artifact.encoder.tokenizer, artifact.heads

    def whole(wire: pb.RouteRequest) -> bytes:
        decision = engine.route(to_request(wire, engine.catalog, limits))
        return answers.written(decision, "")

    for wire in wires:  # the first calls fill the tokenizer's memory and the processor's caches
        whole(wire)
    requests = [to_request(wire, engine.catalog, limits) for wire in wires]
    texts = [window(request.messages) for request in requests]
    readings = [read(text) for text in texts]
    ids = [tokenizer.encode_reading(reading) for reading in readings]
    rows = [np.array([features_of(reading)], dtype=np.float32) for reading in readings]
    vectors = [artifact.encoder.vector_of(reading) for reading in readings]
    predictions = [predict_one(artifact, reading) for reading in readings]
    decisions = [engine.route(request) for request in requests]
    stages: dict[str, tuple[Callable[..., object], Iterable[Sequence[Any]]]] = {
        "convert in": (lambda wire: to_request(wire, engine.catalog, limits), zip(wires)),
        "window": (window, ((request.messages,) for request in requests)),
        "read": (read, zip(texts)),
        "tokenize": (tokenizer.encode_reading, zip(readings)),
        "encode": (artifact.encoder.vector_of_ids, zip(ids)),
        "features": (lambda one: np.array([features_of(one)], np.float32), zip(readings)),
        "token estimate": (tokens_of, zip(readings)),
        "heads": (heads.run, zip(vectors, rows, strict=True)),
        "policy": (
            lambda request, prediction: engine.decide(request, prediction, 100.0),
            zip(requests, predictions, strict=True),
        ),
        "convert out": (
            lambda decision: answers.written(decision, ""),
            zip(decisions),
        ),
        "count": (_counting(), zip(decisions)),
        "all": (whole, zip(wires)),
    }
    return {name: _median_us(stage, given) for name, (stage, given) in stages.items()}


def _counting() -> Callable[[Decision], None]:
    """Return what a server counts of a Route call; one in sixteen takes longer than the median."""
    counted = Counted()
    counts = MethodCounts(counted, "Route")

    def count(decision: Decision) -> None:
        lap = counted.lap()
        for stage in STAGES:
            lap(stage)
        counted.decided(decision)
        counts.ended(1e-3)

    return count


def _median_us(stage: Callable[..., object], given: Iterable[Sequence[Any]]) -> float:
    times = []
    for arguments in given:
        before = time.perf_counter()
        stage(*arguments)
        times.append(time.perf_counter() - before)
    return median(times) * 1e6
