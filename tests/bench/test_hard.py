"""The hard tests themselves, in small: what they measure with, and that they notice what is bad."""

import random
from collections import Counter

import pytest
from google.protobuf.message import DecodeError

from bench.hard.crashes import crashes
from bench.hard.fuzz import Findings, fuzz, wire_trial
from bench.hard.fuzz_files import files_trial
from bench.hard.fuzz_kernel import kernel_trial
from bench.hard.mutate import filled, spoilt, touched
from bench.hard.report import milliseconds
from bench.hard.wire import NO_ANSWER, WireClient
from router.compiled import KERNEL
from router.engine import Engine
from router.errors import RouterError
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb

ROUTE = "/router.v1.RouterService/Route"
HELLO = pb.RouteRequest(prompt="Hello there!").SerializeToString()


def called(server: RouterServer, path: str, message: bytes, **given: float) -> list[str]:
    client = WireClient(f"127.0.0.1:{server.port}", connections=2)
    try:
        samples = client.run(path, [message], rate=200, seconds=0.3, seed=1, **given)
    finally:
        client.close()
    assert all(sample.seconds >= 0 for sample in samples)
    return [sample.status for sample in samples]


def test_the_wire_client_gets_answers_and_errors_of_a_real_server(server: RouterServer) -> None:
    answered = Counter(called(server, ROUTE, HELLO))
    assert set(answered) == {"OK"}
    assert answered["OK"] > 30
    assert set(called(server, ROUTE, b"")) == {"INVALID_ARGUMENT"}
    assert set(called(server, "/router.v1.RouterService/None", b"")) == {"CODE_12"}


def test_calls_that_get_no_answer_are_samples_too(server: RouterServer) -> None:
    # The health service answers a Watch once and keeps the call open.
    assert set(called(server, "/grpc.health.v1.Health/Watch", b"", patience=0.3)) == {NO_ANSWER}


def test_quantiles_are_those_of_all_values() -> None:
    assert milliseconds([number / 1000 for number in range(101)]) == {
        "median": 50.0, "p99": 99.0, "max": 100.0,
    }  # fmt: skip
    assert milliseconds([]) == {}


def test_no_outcome_is_lost_over_a_few_crashes() -> None:
    found = crashes(3, seed=1)
    assert found["acknowledged"] >= 3
    assert found["acknowledged and lost"] == 0


def test_a_few_spoilt_requests_and_files_end_in_our_errors_only(engine: Engine) -> None:
    with wire_trial(engine) as trial:
        found = fuzz(trial, 400, seed=1)
    assert (found["bad"], sum(found["ended"].values())) == ([], 400)
    assert {"INVALID_ARGUMENT", "accepted"} <= set(found["ended"])
    with files_trial() as trial:
        found = fuzz(trial, 60, seed=1)
    assert found["bad"] == []


@pytest.mark.parametrize(
    ("error", "how"),
    [
        (ValueError("oops"), "BAD ValueError: oops"),
        (RouterError("internal"), "BAD INTERNAL"),
        (DecodeError("raw"), "BAD DecodeError: raw"),
    ],
)
def test_an_error_that_is_not_ours_is_found(error: Exception, how: str) -> None:
    def work() -> None:
        raise error

    findings = Findings()
    findings.try_("Route", b"given", work)
    assert findings.bad == [{"what": "Route", "how": how, "given": "b'given'"}]


def test_spoilt_and_filled_inputs_come_again_with_their_seed() -> None:
    def one(seed: int) -> tuple[bytes, bytes, bytes]:
        generator = random.Random(seed)
        request = pb.RouteRequest(prompt="Hi", goal=pb.Goal(quality_target=0.5))
        return (
            spoilt(HELLO, [HELLO], generator),
            filled(pb.RouteRequest(), generator).SerializeToString(deterministic=True),
            touched(request, generator).SerializeToString(deterministic=True),
        )

    assert one(3) == one(3)
    assert len({one(seed) for seed in range(50)}) == 50


@pytest.mark.skipif(KERNEL is None, reason="there is no compiled kernel here")
def test_whatever_the_bytes_the_kernel_ends_with_an_answer_like_numpys_or_an_error_of_python() -> (
    None
):
    with kernel_trial() as trial:
        found = fuzz(trial, 300, seed=1)
    assert found["bad"] == []
    assert found["ended"] == {"accepted": 300}
