"""Everything a caller can make large is bounded, and large messages are counted before parsed."""

from collections.abc import Iterator
from dataclasses import replace

import grpc
import pytest
from google.rpc import error_details_pb2
from grpc_status import rpc_status
from hypothesis import given, settings
from hypothesis import strategies as st

from router.config import Config
from router.errors import InvalidRequestError
from router.server import bounds
from router.server.app import RouterServer
from router.server.bounds import Bounds
from router.server.limits import (
    MAX_ID_CHARS,
    MAX_REPEATED,
    MAX_TAG_KEY_CHARS,
    MAX_TAG_VALUE_CHARS,
    MAX_TAGS,
    Limits,
)
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

LOOK_FROM_BYTES = 65_536
BIG = "word " * (LOOK_FROM_BYTES // 4)
HELLO = pb.RouteRequest(prompt="Hello there!")


@pytest.fixture(scope="module", autouse=True)
def looked_at_sooner() -> Iterator[None]:
    """Count the fields of smaller messages, too, so that examples need not be huge."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bounds, "LOOK_FROM_BYTES", LOOK_FROM_BYTES)
        yield


@pytest.fixture(scope="module")
def small(
    server_config: Config, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RouterServiceStub]:
    """A server whose configured limits are small enough to be passed quickly."""
    config = replace(
        server_config,
        store=tmp_path_factory.mktemp("limits") / "o.sqlite3",
        max_message_bytes=400_000,
        max_batch=3,
        max_messages=5,
    )
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield RouterServiceStub(channel)


def answer_of(call: object) -> str:
    """Return "OK", or the code and, where there is one, the reason of a refusal."""
    try:
        call()
    except grpc.RpcError as error:
        status = rpc_status.from_call(error)
        info = error_details_pb2.ErrorInfo()
        reason = ""
        if status is not None and status.details[0].Unpack(info):
            reason = f" {info.reason}"
        return f"{error.code().name}{reason}"
    return "OK"


def messages(count: int, first: str = "a") -> pb.RouteRequest:
    """Return a conversation of short messages, the first of which may be long."""
    texts = [first, *["a"] * (count - 1)][:count]
    return pb.RouteRequest(messages=[pb.Message(role="user", content=text) for text in texts])


BOUNDS = [
    (messages(5), messages(6), "INVALID_ARGUMENT TOO_MANY_MESSAGES"),
    (
        pb.RouteRequest(prompt="a", tags={f"k{n}": "" for n in range(MAX_TAGS)}),
        pb.RouteRequest(prompt="a", tags={f"k{n}": "" for n in range(MAX_TAGS + 1)}),
        "INVALID_ARGUMENT TOO_MANY_TAGS",
    ),
    (
        pb.RouteRequest(prompt="a", tags={"k" * MAX_TAG_KEY_CHARS: "v" * MAX_TAG_VALUE_CHARS}),
        pb.RouteRequest(prompt="a", tags={"k": "v" * (MAX_TAG_VALUE_CHARS + 1)}),
        "INVALID_ARGUMENT TAG_TOO_LONG",
    ),
    (
        pb.RouteRequest(prompt="a", session_id="s" * MAX_ID_CHARS),
        pb.RouteRequest(prompt="a", session_id="s" * (MAX_ID_CHARS + 1)),
        "INVALID_ARGUMENT ID_LENGTH",
    ),
    (
        pb.RouteBatchRequest(requests=[HELLO] * 3),
        pb.RouteBatchRequest(requests=[HELLO] * 4),
        "INVALID_ARGUMENT BATCH_SIZE",
    ),
    (pb.RouteRequest(prompt="a" * 399_000), pb.RouteRequest(prompt="a" * 400_001),
     "RESOURCE_EXHAUSTED"),
    # The same counts in messages so large that they are looked at before they are parsed.
    (
        messages(5, BIG),
        messages(6, BIG),
        "INVALID_ARGUMENT TOO_MANY_MESSAGES",
    ),
    (
        pb.RouteBatchRequest(requests=[pb.RouteRequest(prompt=BIG)] * 3),
        pb.RouteBatchRequest(requests=[pb.RouteRequest(prompt=BIG)] * 4),
        "INVALID_ARGUMENT BATCH_SIZE",
    ),
    (
        pb.RouteRequest(prompt=BIG, denied_tiers=["small"] * MAX_REPEATED),
        pb.RouteRequest(prompt=BIG, denied_tiers=["small"] * (MAX_REPEATED + 1)),
        "INVALID_ARGUMENT TOO_MANY",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("within", "beyond", "refusal"), BOUNDS)
def test_every_bound_of_a_request_is_refused_one_beyond_it(
    small: RouterServiceStub, within: object, beyond: object, refusal: str
) -> None:
    call = small.Route if isinstance(within, pb.RouteRequest) else small.RouteBatch
    assert answer_of(lambda: call(within, timeout=20.0)) == "OK"
    assert answer_of(lambda: call(beyond, timeout=20.0)) == refusal


def refused_field(raw: bytes, limits: Limits, kind: str = "RouteRequest") -> str | None:
    """Return the field that a look at the bytes refuses."""
    try:
        Bounds(pb.DESCRIPTOR.message_types_by_name[kind], limits).check(raw)
    except InvalidRequestError as error:
        return error.field
    return None


def test_a_flood_of_tags_is_refused_at_the_first_too_many_without_reading_on() -> None:
    """In the order of a map's table, as here, a parser needs the square of their number."""
    tags = pb.RouteRequest(tags={f"k{n}": "" for n in range(9_000)}).SerializeToString()
    start = tags[: (MAX_TAGS + 1) * 12]
    for rest in (tags[len(start) :], b"\xff" * len(tags)):
        assert refused_field(start + rest, Limits()) == "tags"


@pytest.mark.parametrize(
    ("field", "request_"),
    [
        ("residency", pb.RouteRequest(
            prompt=BIG, needs=pb.Needs(residency=["eu"] * (MAX_REPEATED + 1)))),
        ("allowed_tiers", pb.RouteRequest(prompt=BIG, allowed_tiers=["a"] * (MAX_REPEATED + 1))),
        ("messages", messages(20, BIG)),
    ],
)  # fmt: skip
def test_lists_are_counted_wherever_they_lie(field: str, request_: pb.RouteRequest) -> None:
    limits = Limits(max_messages=5)
    assert refused_field(request_.SerializeToString(), limits) == field
    inside = pb.RouteBatchRequest(requests=[HELLO, request_]).SerializeToString()
    assert refused_field(inside, limits, "RouteBatchRequest") == field
    inside = pb.ReviewRequest(request=request_).SerializeToString()
    assert refused_field(inside, limits, "ReviewRequest") == field


def test_a_flood_of_unknown_fields_is_refused_after_a_bounded_look() -> None:
    unknown = b"\xf8\x07\x01" * 70_000
    for rest in (unknown, b"\xff" * len(unknown)):
        assert refused_field(unknown + rest, Limits()) == "request"


def test_a_group_in_a_large_message_is_refused_because_it_could_hide_anything() -> None:
    request = pb.RouteRequest(prompt=BIG).SerializeToString()
    assert refused_field(request, Limits()) is None
    assert refused_field(b"\xfb\x07\xfc\x07" + request, Limits()) == "request"


@given(st.binary(max_size=64), st.binary(max_size=64))
@settings(deadline=None)
def test_a_look_never_fails_on_what_is_no_message(start: bytes, end: bytes) -> None:
    raw = start + b"\x0a" + b"\x80\x80\x04" + b"x" * LOOK_FROM_BYTES + end
    assert refused_field(raw, Limits()) in {None, "request", "messages", "tags", "residency",
                                            "allowed_tiers", "denied_tiers"}  # fmt: skip


@given(st.integers(0, 40), st.integers(0, 8), st.booleans())
@settings(deadline=None)
def test_a_look_refuses_exactly_what_is_too_much(tags: int, turns: int, review: bool) -> None:
    request = messages(turns, BIG)
    request.tags.update({f"k{n}": "v" for n in range(tags)})
    if turns == 0:
        request.prompt = BIG
    limits = Limits(max_messages=5)
    message = pb.ReviewRequest(request=request) if review else request
    found = refused_field(message.SerializeToString(), limits, message.DESCRIPTOR.name)
    assert (found is not None) == (tags > MAX_TAGS or turns > 5)


def test_what_is_within_bounds_is_answered_as_ever(small: RouterServiceStub) -> None:
    request = pb.RouteRequest(prompt=BIG, tags={"team": "checkout"}, denied_tiers=["small"])
    assert small.Route(request, timeout=20.0).tier != "small"
