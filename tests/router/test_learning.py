"""Reports of input tokens that nothing was learnt from are counted and told."""

import threading
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import grpc
import pytest
from waiting import wait_until

from router.config import Config
from router.cost.tokens import TextKind
from router.ledger.ratios import CountReport, RatioStore
from router.metrics import families
from router.server.app import RouterServer
from router.server.learning import Learning
from router.server.token_report import TokenReport
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub

REPORT = TokenReport("a", TextKind.PLAIN, 100, 150)


class SlowDisk:
    """Holds the first commit of reports until it is released."""

    def __init__(self) -> None:
        self.begun, self.released = threading.Event(), threading.Event()
        self._report = RatioStore.report

    def report(self, store: RatioStore, reports: Sequence[CountReport]) -> bool:
        self.begun.set()
        assert self.released.wait(20.0)
        return self._report(store, reports)


@pytest.fixture
def disk(monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowDisk]:
    slow = SlowDisk()

    def report(store: RatioStore, reports: Sequence[CountReport]) -> bool:
        return slow.report(store, reports)

    monkeypatch.setattr(RatioStore, "report", report)
    monkeypatch.setattr("router.server.learning.MOST_WAITING", 1)
    yield slow
    slow.released.set()


def test_reports_that_find_no_room_are_told_as_a_metric(
    server_config: Config, tmp_path: Path, disk: SlowDisk
) -> None:
    config = replace(server_config, store=tmp_path / "outcomes.sqlite3")
    with (
        RouterServer(config) as server,
        grpc.insecure_channel(f"127.0.0.1:{server.port}") as channel,
    ):
        stub = RouterServiceStub(channel)
        answer = stub.Route(pb.RouteRequest(prompt="Name a fruit."))

        def report(number: int) -> None:
            outcome = pb.RecordOutcomeRequest(
                decision_id=answer.decision_id,
                request_id=f"r{number}",
                input_token_count=9,
                input_estimate=answer.input_estimate,
            )
            assert not stub.RecordOutcome(outcome).duplicate

        report(0)
        assert disk.begun.wait(20.0)  # the first is being written, the second has the one place
        assert dropped(server) == 0
        for number in (1, 2, 3):
            report(number)
        assert dropped(server) == 2
        disk.released.set()


def dropped(server: RouterServer) -> float:
    ((count,),) = server.snapshot()[families.REPORTS_DROPPED.name].values()
    return count


def test_reports_that_the_store_does_not_take_are_counted_too(tmp_path: Path) -> None:
    path = tmp_path / "outcomes.sqlite3"
    path.write_text("not SQLite, but text that is long enough" * 40)
    learning = Learning(Config(store=path))
    for _ in range(5):
        learning.learn(REPORT)
    wait_until(lambda: learning.dropped == 5)
    learning.close()


def test_reports_that_are_kept_are_not_counted(tmp_path: Path) -> None:
    learning = Learning(Config(store=tmp_path / "outcomes.sqlite3"))
    learning.learn(REPORT)
    wait_until(lambda: bool(learning.ratios.learnt.by_deployment))
    learning.close()
    assert learning.dropped == 0
