"""How a deployment counts tokens is learnt from reports, robustly and durably."""

import math
import sqlite3
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer

from router.config import Config
from router.cost.counting import TokenCounter
from router.cost.ratio import KEPT_REPORTS, NO_RATIOS, LearntRatios, RatioWindow, ratios_of
from router.cost.tokens import TextKind, kind_of
from router.engine import Engine, build_engine
from router.errors import CatalogError, StoreError
from router.ledger.ratios import CountReport, RatioStore
from router.predict.reading import read
from router.server.app import RouterServer
from router.types import Estimate, Message, Prediction, Request
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

LLAMA = "llama-3-8b-self-hosted"
SLOW = CountReport("a", TextKind.PLAIN, 100, 130)
QUESTION = "Which river flows through the capital of Hungary, and where does it end?"


def window(logs: Sequence[float], kind: TextKind = TextKind.PLAIN) -> RatioWindow:
    found = RatioWindow()
    for log in logs:
        found = found.with_report(kind, log)
    return found


def test_without_reports_nothing_is_changed() -> None:
    assert set(ratios_of(RatioWindow())) == {1.0}


def test_a_few_reports_move_the_ratio_part_of_the_way_and_many_all_of_it() -> None:
    few, many = (ratios_of(window([math.log(1.3)] * n))[TextKind.PLAIN] for n in (2, 90))
    assert 1.05 < few < 1.2 < many < 1.3


def test_a_kind_without_reports_follows_the_other_kinds() -> None:
    ratios = ratios_of(window([math.log(1.3)] * 50))
    assert ratios[TextKind.HANGUL] == pytest.approx(ratios[TextKind.PLAIN], rel=0.03)


def test_a_kind_with_reports_of_its_own_follows_them() -> None:
    both = window([0.0] * 50)
    for _ in range(50):
        both = both.with_report(TextKind.INDIC, math.log(3.0))
    assert ratios_of(both)[TextKind.INDIC] > 2.5
    assert ratios_of(both)[TextKind.PLAIN] < 1.1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.floats(-50, 50), max_size=20))
def test_a_minority_of_wild_reports_moves_no_ratio_far(wild: list[float]) -> None:
    honest = [0.2] * 60
    ratio = ratios_of(window([*honest[:30], *wild, *honest[30:]]))[TextKind.PLAIN]
    assert ratio == pytest.approx(math.exp(0.2), rel=0.03)


def test_only_the_last_reports_count() -> None:
    moved = window([0.0] * KEPT_REPORTS + [0.5] * KEPT_REPORTS)
    assert set(moved.logs[TextKind.PLAIN]) == {0.5}


def test_what_was_learnt_survives_a_restart_and_is_shared_by_processes(tmp_path: Path) -> None:
    first, second = (RatioStore(tmp_path / "o.sqlite3") for _ in range(2))
    for _ in range(10):
        first.report([SLOW] * 2)
        second.report([SLOW] * 2)
    second.report([CountReport("b", TextKind.LATIN, 100, 100)])
    third = RatioStore(tmp_path / "o.sqlite3")
    assert third.learnt.by_deployment == second.learnt.by_deployment
    assert third.learnt.by_deployment["a"][TextKind.PLAIN] > 1.26  # 40 reports, not 20
    for store in (first, second, third):
        store.close()


def test_a_file_that_is_no_store_is_refused(tmp_path: Path) -> None:
    (tmp_path / "o.sqlite3").write_text("not SQLite, but text that is long enough" * 40)
    with pytest.raises(StoreError, match="cannot be used as a store of token ratios"):
        RatioStore(tmp_path / "o.sqlite3")


def test_what_another_process_learnt_is_taken_over_by_looking_again(tmp_path: Path) -> None:
    ours, theirs = (RatioStore(tmp_path / "o.sqlite3") for _ in range(2))
    theirs.report([SLOW] * 20)
    assert "a" not in ours.learnt.by_deployment
    ours.look_again()
    assert ours.learnt.by_deployment == theirs.learnt.by_deployment
    for store in (ours, theirs):
        store.close()


def test_a_file_out_of_order_loses_reports_until_it_is_well_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("router.ledger.database._TRY_AGAIN_SECONDS", 0.0)
    path = tmp_path / "o.sqlite3"
    path.write_text("not SQLite, but text that is long enough" * 40)
    store = RatioStore(path, must_open=False)
    store.report([SLOW])
    store.look_again()
    assert not store.learnt.by_deployment
    path.unlink()
    store.report([SLOW])
    assert store.learnt.by_deployment["a"][TextKind.PLAIN] > 1.0
    store.close()


def test_a_row_that_is_none_of_ours_is_written_over(tmp_path: Path) -> None:
    path = tmp_path / "o.sqlite3"
    RatioStore(path).close()
    with sqlite3.connect(path) as connection:
        connection.execute("INSERT INTO token_ratio VALUES ('a', 1, 'no list')")
    with pytest.raises(StoreError, match="cannot be used as a store of token ratios"):
        RatioStore(path)
    store = RatioStore(path, must_open=False)
    store.report([SLOW])
    store.close()
    RatioStore(path).close()


def test_a_ratio_scales_the_estimate_of_its_deployment_alone(engine: Engine) -> None:
    request = Request((Message("user", QUESTION),))
    before = engine.route(request)
    learnt = LearntRatios()
    learnt.replace(LLAMA, tuple(2.0 * ratio for ratio in NO_RATIOS))
    after = replace(engine, counter=TokenCounter(engine.catalog.deployments, learnt)).route(request)
    for old, new in zip(before.estimates, after.estimates, strict=True):
        times = 2.0 if new.deployment.id == LLAMA else 1.0
        assert new.input_tokens == pytest.approx(times * old.input_tokens)
    assert after.input_tokens == before.input_tokens


def test_known_tokens_are_never_scaled(engine: Engine) -> None:
    learnt = LearntRatios()
    learnt.replace(LLAMA, tuple(2.0 * ratio for ratio in NO_RATIOS))
    request = Request((Message("user", QUESTION),))
    prediction = engine.route(request).estimates[0]
    taught = replace(engine, counter=TokenCounter(engine.catalog.deployments, learnt))
    decision = taught.route_many([request])[0]
    assert not isinstance(decision, Exception)
    known = taught.decide(request, _prediction(decision.estimates), prediction.input_tokens)
    assert {one.input_tokens for one in known.estimates} == {prediction.input_tokens}
    assert known.text_kind is None


def _prediction(estimates: Sequence[Estimate]) -> Prediction:
    return Prediction(
        tuple(one.adequacy for one in estimates), tuple(one.output_tokens for one in estimates)
    )


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        (QUESTION, TextKind.PLAIN),
        ("Quel fleuve traverse la capitale de la Hongrie, et où finit-il ?", TextKind.LATIN),
        ("Какая река течёт через столицу Венгрии?", TextKind.GREEK_CYRILLIC),
        ("أي نهر يمر بعاصمة المجر؟", TextKind.SEMITIC),
        ("हंगरी की राजधानी से कौन सी नदी बहती है?", TextKind.INDIC),
        ("哪条河流经匈牙利的首都?", TextKind.HAN_KANA),
        ("헝가리의 수도를 흐르는 강은 무엇입니까?", TextKind.HANGUL),
        ("1.25,3.75,18\n2.5,0.5,77\n9,14.2,36.6", TextKind.DIGITS),
        ('{"river": {"name": "x"}, "ends": ["sea"]}', TextKind.QUOTED),
        ("for (i = 0; i < n; ++i) { sum += x[i] * w[i]; }", TextKind.MARKED),
        ("", TextKind.PLAIN),
    ],
)
def test_the_kind_of_a_text_is_told_by_its_letters(text: str, kind: TextKind) -> None:
    assert kind_of(read(text)) is kind


@pytest.fixture
def stub(server_config: Config, tmp_path: Path) -> Iterator[RouterServiceStub]:
    """Return a client of a server of its own, so that what it learns changes no other test."""
    with (
        RouterServer(replace(server_config, store=tmp_path / "o.sqlite3")) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        yield RouterServiceStub(channel)


def test_an_outcome_with_the_estimate_teaches_the_ratio(stub: RouterServiceStub) -> None:
    def count() -> tuple[pb.RouteResponse, int]:
        answer = stub.Route(pb.RouteRequest(prompt=QUESTION, allowed_tiers=["medium"]))
        (medium,) = (c for c in answer.candidates if c.tier == "medium")
        return answer, medium.input_token_count

    answer, before = count()
    assert answer.input_estimate.kind == pb.TEXT_KIND_PLAIN
    for number in range(12):
        outcome = pb.RecordOutcomeRequest(
            decision_id=answer.decision_id,
            request_id=f"ratio-{number}",
            input_token_count=2 * answer.input_estimate.token_count,
            input_estimate=answer.input_estimate,
        )
        stub.RecordOutcome(outcome)
        assert stub.RecordOutcome(outcome).duplicate  # and is not learnt from again
    for _ in range(500):  # learning is not waited for by outcomes
        after, more = count()
        if more > 1.5 * before:
            break
        time.sleep(0.02)
    assert 1.5 * before < more < 2 * before
    assert after.input_estimate == answer.input_estimate


def test_a_deployment_with_a_vocabulary_is_counted_for_exactly(
    engine: Engine, tiny_artifact: Path
) -> None:
    path = tiny_artifact / "tokenizer.json"
    first, *others = engine.catalog.deployments
    catalog = replace(engine.catalog, deployments=(replace(first, tokenizer=path), *others))
    request = Request((Message("system", "Be brief."), Message("user", QUESTION * 3000)))
    decision = build_engine(engine.artifact, catalog).route(request)
    tokenizer = Tokenizer.from_file(str(path))
    tokenizer.no_truncation()
    counted = [
        len(tokenizer.encode(one.content, add_special_tokens=False).ids) for one in request.messages
    ]
    assert decision.estimates[0].input_tokens == sum(counted) + 8.0
    assert {one.input_tokens for one in decision.estimates[1:]} == {decision.input_tokens}


def test_a_vocabulary_that_cannot_be_read_is_refused_with_who_needs_it(
    engine: Engine, tmp_path: Path
) -> None:
    (tmp_path / "tokenizer.json").write_text("{}", encoding="utf-8")
    first, *others = engine.catalog.deployments
    broken = replace(first, tokenizer=tmp_path / "tokenizer.json")
    catalog = replace(engine.catalog, deployments=(broken, *others))
    with pytest.raises(CatalogError, match=f"model of {LLAMA}, or leave 'tokenizer' out"):
        build_engine(engine.artifact, catalog)


def test_an_outcome_of_a_deployment_that_is_gone_is_recorded_and_teaches_nothing(
    stub: RouterServiceStub,
) -> None:
    outcome = pb.RecordOutcomeRequest(
        decision_id="d",
        request_id="gone",
        input_token_count=50,
        input_estimate=pb.InputEstimate(
            token_count=40, kind=pb.TEXT_KIND_PLAIN, deployment="retired-last-week"
        ),
    )
    assert stub.RecordOutcome(outcome).duplicate is False
