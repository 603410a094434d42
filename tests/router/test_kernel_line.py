"""What the kernel prices, chooses, decides and writes is what Python does, number for number."""

from dataclasses import replace
from datetime import date
from functools import cache

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from kernel_cases import TEXTS, TRICKY

import router.compiled as compiled
from router.catalog import Catalog, load_catalog
from router.compiled import KERNEL
from router.cost.counting import TokenCounter
from router.cost.price import Band, CacheUse, Price, Rates
from router.cost.ratio import LearntRatios
from router.cost.tokens import TextKind
from router.defaults import default_artifact_directory, default_catalog_path
from router.engine import Engine
from router.errors import RouterError
from router.fit import check_fit
from router.ids import new_id
from router.laps import no_lap
from router.policy import (
    best_trade_off_in_python,
    cheapest_enough_in_python,
    savings_baseline_in_python,
)
from router.predict.artifact import Artifact, load_artifact
from router.predict.length_bounds import LengthBounds
from router.server.answer import Answers
from router.types import (
    Decision,
    DecisionReason,
    Deployment,
    Estimate,
    Goal,
    IneligibleReason,
    Message,
    Needs,
    Request,
)
from router.v1 import router_pb2 as pb

pytestmark = pytest.mark.skipif(
    KERNEL is None, reason=f"there is no compiled kernel here: {compiled.REASON}"
)
FLAT = Price(0.25, 1.25, date(2026, 1, 1), "test")
STEEP = replace(
    FLAT,
    bands=(
        Band(0, Rates(1.0, 0.1, 1.25, 2.0, 4.0, 4.0)),
        Band(100, Rates(2.0, 0.2, 2.5, 4.0, 8.0, 8.0)),
        Band(4_000, Rates(3.0, 0.3, 3.75, 6.0, 12.0, 12.0)),
    ),
    usd_per_request=0.003,
)
BOUNDS = LengthBounds(
    0.9,
    ((50.0, 400.0), (), (10.0,)),
    ((3.0, 2.0, 1.5), (2.5,), (4.0, 1.0)),
)


@cache
def artifact() -> Artifact:
    return load_artifact(default_artifact_directory())


@cache
def catalog() -> Catalog:
    """Five deployments of three tiers: flat, steep, without much room, and two of one tier."""
    base = load_catalog(default_catalog_path())
    small, medium, large = base.deployments

    def made(item: Deployment, name: str, price: Price, window: int, most: int) -> Deployment:
        can = replace(
            item.capabilities, context_window_tokens=window, max_output_tokens=most, tools=False
        )
        return replace(item, id=name, price=price, capabilities=can)

    return replace(
        base,
        deployments=(
            made(small, "a", FLAT, 300, 200),
            made(medium, "b", STEEP, 100_000, 90),
            made(medium, "c", replace(FLAT, input_usd_per_mtok=3.0), 1_000, 4_096),
            made(large, "d", STEEP, 1_000_000, 64_000),
            made(large, "é", replace(STEEP, usd_per_request=0.0), 1_000_000, 64_000),
        ),
    )


@cache
def engines(learnt: bool) -> tuple[Engine, Engine]:
    """An engine that decides in the kernel and one that does not."""
    check_fit(artifact(), catalog())
    column = {name: place for place, name in enumerate(artifact().tier_names)}
    columns = tuple(column[item.tier] for item in catalog().deployments)
    ratios = LearntRatios()
    if learnt:
        ratios.replace("b", tuple(1.0 + kind / 7 for kind in range(max(TextKind) + 1)))
    counter = TokenCounter(catalog().deployments, ratios)
    ours, theirs = (Engine(artifact(), catalog(), columns, counter=counter) for _ in range(2))
    assert ours.line is not None
    object.__setattr__(theirs, "line", None)
    theirs.estimator.kernel = None
    return ours, theirs


GOALS = st.sampled_from([
    None, Goal(quality_target=0.0), Goal(quality_target=0.6), Goal(quality_target=1.0),
    Goal(willingness_to_pay_usd=0.0001), Goal(willingness_to_pay_usd=3.0),
    Goal(quality_target=0.6, max_cost_usd=0.002),
])  # fmt: skip


def asked(text: str, before: str, goal: Goal | None) -> Request:
    messages = (Message("user", text),)
    return Request((Message("system", before), *messages) if before else messages, goal)


def assert_decided_alike(request: Request, *, learnt: bool) -> Decision | None:
    """Return the decision, None where both fail alike."""
    ours, theirs = (one.route_many([request])[0] for one in engines(learnt))
    if isinstance(ours, RouterError) or isinstance(theirs, RouterError):
        assert (type(ours), str(ours)) == (type(theirs), str(theirs))
        return None
    assert ours._replace(decision_id="") == theirs._replace(decision_id="")
    assert type(ours.text_kind) is TextKind
    assert type(ours.reason) is DecisionReason
    return ours


def test_records_have_the_fields_that_the_kernel_counts_on() -> None:
    assert Estimate._fields == KERNEL.ESTIMATE_FIELDS  # type: ignore[union-attr]  # there is one
    assert Decision._fields == KERNEL.DECISION_FIELDS  # type: ignore[union-attr]  # the same
    assert Request._fields == KERNEL.REQUEST_FIELDS  # type: ignore[union-attr]  # the same


@pytest.mark.parametrize("text", TRICKY, ids=ascii)
def test_known_troublemakers_are_decided_alike(text: str) -> None:
    assert_decided_alike(asked(text, "", None), learnt=False)


@settings(max_examples=250, deadline=None)
@given(
    text=TEXTS, before=st.sampled_from(["", "", "Be brief.\n"]), goal=GOALS, learnt=st.booleans()
)
def test_any_text_is_decided_alike_to_the_last_bit(
    text: str, before: str, goal: Goal | None, learnt: bool
) -> None:
    assert_decided_alike(asked(text, before, goal), learnt=learnt)


def test_what_does_not_fit_a_context_window_falls_out_alike() -> None:
    decision = assert_decided_alike(asked("word " * 400, "", None), learnt=True)
    assert decision is not None
    assert decision.estimates[0].ineligible == (IneligibleReason.CONTEXT_WINDOW,)


@pytest.mark.parametrize(
    "request_",
    [
        Request((Message("user", "Hi"),), needs=Needs(json_schema=True)),
        Request((Message("user", "Hi"),), denied_tiers=frozenset({"small"})),
        Request((Message("user", "Hi"),), max_output_tokens=7),
        Request((Message("user", "Hi"),), Goal(quality_target=0.5, max_cost_usd=1.0)),
    ],
)
def test_a_request_that_asks_for_more_is_left_to_python(request_: Request) -> None:
    ours, _ = engines(False)
    assert ours.line is not None
    assert ours.line.decide(request_, ours.resolve_goal) is None
    assert_decided_alike(request_, learnt=False)


def test_every_stage_is_told_as_it_ends() -> None:
    for engine in engines(False):
        told: list[str] = []
        engine.route(asked("Name three rivers.", "", None), told.append)
        assert told == ["read", "tokenize", "predict", "price"]


COSTS = st.floats(0.0, 10.0) | st.sampled_from([0.0, 0.5, 1.0])
ADEQUACIES = st.floats(0.0, 1.0) | st.sampled_from([0.25, 0.5])


@st.composite
def candidates(draw: st.DrawFn) -> list[Estimate]:
    items = catalog().deployments
    places = draw(st.lists(st.integers(0, len(items) - 1), min_size=1, max_size=6))
    return [Estimate(items[place], draw(ADEQUACIES), draw(COSTS), 10.0, 20.0) for place in places]


@settings(deadline=None)
@given(given_=candidates(), target=ADEQUACIES, pay=st.floats(1e-6, 1e3))
def test_the_best_of_any_candidates_is_the_same_one(
    given_: list[Estimate], target: float, pay: float
) -> None:
    kernel = KERNEL
    assert kernel is not None
    chosen, is_met = kernel.cheapest_enough(given_, target)
    known, known_met = cheapest_enough_in_python(given_, target)
    assert chosen is known
    assert is_met is known_met
    assert kernel.best_trade_off(given_, pay) is best_trade_off_in_python(given_, pay)
    assert kernel.savings_baseline(given_) is savings_baseline_in_python(given_)


def test_among_no_candidates_there_is_none_to_choose() -> None:
    kernel = KERNEL
    assert kernel is not None
    for choose in (
        lambda: kernel.cheapest_enough([], 0.5),
        lambda: kernel.best_trade_off([], 0.5),
        lambda: kernel.savings_baseline([]),
    ):
        with pytest.raises(ValueError, match="no candidate"):
            choose()
    with pytest.raises(ValueError, match="a record of 7 fields"):
        kernel.best_trade_off([(1.0, 2.0)], 0.5)


@cache
def writers(bounded: bool) -> tuple[Answers, Answers]:
    """Answers that are written in the kernel and such that are not."""
    bounds = BOUNDS if bounded else None
    ours, theirs = (Answers(catalog(), "0123456789abcdef", bounds) for _ in range(2))
    theirs._kernel = None
    return ours, theirs


@st.composite
def decisions(draw: st.DrawFn) -> Decision:
    tokens = st.floats(0.0, 70_000.0) | st.sampled_from([0.5, 1.5, 100.0, 4_000.0])
    some_ineligible = st.lists(st.sampled_from(IneligibleReason), max_size=3, unique=True)
    estimates = tuple(
        Estimate(
            item,
            draw(ADEQUACIES),
            draw(COSTS | st.just(float("nan"))),
            draw(tokens),
            draw(tokens),
            tuple(draw(some_ineligible)),
        )
        for item in catalog().deployments
    )
    known = [one for one in estimates if one.expected_cost_usd == one.expected_cost_usd]
    baseline = draw(st.sampled_from(known or [estimates[0]._replace(expected_cost_usd=0.0)]))
    chosen = draw(st.sampled_from(known or [estimates[0]._replace(expected_cost_usd=0.0)]))
    if draw(st.booleans()):
        chosen = chosen._replace(cache_use=CacheUse(draw(tokens), 1.0, 2.0))
    goal = draw(st.sampled_from([catalog().default_goal, Goal(willingness_to_pay_usd=0.25)]))
    return Decision(
        new_id(),
        chosen,
        draw(st.sampled_from(DecisionReason)),
        goal,
        estimates,
        baseline,
        "0123456789abcdef",
        catalog().version,
        None,
        draw(st.none() | ADEQUACIES),
        draw(tokens),
        draw(st.none() | st.sampled_from(TextKind)),
    )


@settings(max_examples=200, deadline=None)
@given(
    decision=decisions(),
    request_id=st.sampled_from(["", "r-1", "é" * 64]),
    most=st.sampled_from([None, 1, 128, 2_000_000]),
    bounded=st.booleans(),
)
def test_any_decision_is_written_alike(
    decision: Decision, request_id: str, most: int | None, bounded: bool
) -> None:
    ours, theirs = (
        pb.RouteResponse.FromString(one.written(decision, request_id, most))
        for one in writers(bounded)
    )
    assert ours == theirs


def test_a_count_that_the_wire_cannot_hold_is_refused() -> None:
    ours, _ = writers(False)
    decision = engines(False)[0].route(asked("Hi", "", None), no_lap)
    huge = tuple(one._replace(input_tokens=3e9) for one in decision.estimates)
    with pytest.raises(OverflowError, match="the wire cannot hold"):
        ours.written(decision._replace(estimates=huge), "")
    with pytest.raises(ValueError, match="other deployments"):
        ours.written(decision._replace(estimates=huge[:2]), "")
