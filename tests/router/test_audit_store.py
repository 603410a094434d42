"""Audits are counted once, in the order of their draws, whatever becomes of the process."""

import os
import random
import signal
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from router.errors import StoreError
from router.ledger import watch_rows
from router.ledger.audit_records import (
    AuditConflictError,
    AuditExpiredError,
    AuditUnknownError,
    DrawnAudit,
)
from router.ledger.audits import AuditStore
from router.ledger.store import OutcomeStore, RecordedOutcome
from router.promise.audit import WINDOW, fold
from router.promise.contract import ContractTerms
from router.promise.monitor import MonitorPlan, start_monitor
from router.promise.saved import monitor_to_json
from router.types import Contract

CONTRACT = Contract(0.05, 0.9)
TERMS = ContractTerms(0.05, 1.0 - 0.9, 0.1, 1000, 0.02, 0.03, "clopper-pearson", "any", 100)
WRITER = """
import random, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from test_audit_store import drawn
from router.ledger.audits import AuditStore
store = AuditStore(Path(sys.argv[1]))
chance = random.Random(sys.argv[2])
for number in range(100_000):
    name = f"{sys.argv[2]}-{number}"
    store.draw([drawn(name)])
    print("drawn", name, flush=True)
    store.report(name, float(chance.random() > 0.02), 1.0)
    print("reported", name, flush=True)
"""


def drawn(
    decision_id: str,
    tier: str = "small",
    contract: Contract = CONTRACT,
    terms: ContractTerms = TERMS,
) -> DrawnAudit:
    return DrawnAudit(decision_id, "cal", contract, terms, tier, "large", 0.02, "v1", 0.5)


def state_of(path: Path) -> tuple[str, int]:
    connection = sqlite3.connect(path)
    row = connection.execute("SELECT state, settled FROM watch").fetchone()
    connection.close()
    return row


def replayed(path: Path, settled: int) -> str:
    """What a monitor says that sees every settled audit once, in the order of the draws."""
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT loss FROM audit ORDER BY position").fetchall()
    connection.close()
    plan = MonitorPlan(CONTRACT.max_loss_rate, 1 - CONTRACT.confidence, 0.02)
    return monitor_to_json(fold(start_monitor(plan), [loss for (loss,) in rows[:settled]]))


def forget_topics(path: Path) -> None:
    """Leave a store as a release without topics would have."""
    connection = sqlite3.connect(path)
    connection.executescript(
        "CREATE TABLE older AS SELECT id, calibration, max_loss_rate, confidence, started_unix, "
        "suspended_unix, audits, known, lost, evidence, lower_bound, settled, state FROM watch;"
        "DROP TABLE watch; ALTER TABLE older RENAME TO watch;"
    )
    connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "outcomes.sqlite3"


def test_audits_and_outcomes_share_a_file(path: Path):
    outcomes, audits = OutcomeStore(path), AuditStore(path)
    audits.draw([drawn("a")])
    outcomes.record(RecordedOutcome("a", "r", 0.5))
    audits.report("a", 1.0, 1.0)
    assert len(list(OutcomeStore(path))) == 1
    assert AuditStore(path).watched("cal")[0].known == 1


def test_an_audit_of_the_top_tier_is_known_at_once_and_lost_nothing(path: Path):
    store = AuditStore(path)
    (watched,) = store.draw([drawn("a", tier="large")])
    assert watched is not None
    assert (watched.audits, watched.known, watched.lost) == (1, 1, 0)
    with pytest.raises(AuditConflictError, match="loses nothing and needs no report"):
        store.report("a", 0.0, 1.0)


def test_the_same_report_twice_is_counted_once_and_another_is_refused(path: Path):
    store = AuditStore(path)
    store.draw([drawn("a")])
    first, again = store.report("a", 0.0, 1.0), store.report("a", 0.0, 1.0)
    assert (first.duplicate, again.duplicate) == (False, True)
    assert first.watched == again.watched
    assert (again.loss, again.watched.lost) == (1.0, 1)
    with pytest.raises(AuditConflictError, match=r"reported before with quality 0\.0"):
        store.report("a", 1.0, 1.0)
    assert store.watched("cal") == [first.watched]


def test_a_report_of_a_decision_that_was_not_drawn_is_refused(path: Path):
    with pytest.raises(AuditUnknownError, match="no audit was asked for"):
        AuditStore(path).report("nobody", 0.0, 1.0)


def test_reports_in_any_order_end_in_the_state_of_the_draws_order(path: Path):
    store, names = AuditStore(path), [f"a{i}" for i in range(60)]
    store.draw([drawn(name, tier="large" if i % 3 else "small") for i, name in enumerate(names)])
    late = names[::3]
    random.Random(1).shuffle(late)
    for number, name in enumerate(late):
        store.report(name, float(number % 5 > 0), 1.0)
    state, settled = state_of(path)
    assert settled == 60
    assert state == replayed(path, 60)
    (watched,) = store.watched("cal")
    assert (watched.audits, watched.known, watched.lost) == (60, 60, 4)


def test_a_broken_contract_is_suspended_while_earlier_audits_are_still_open(path: Path):
    store = AuditStore(path)
    store.draw([drawn(f"a{i}") for i in range(30)])
    for i in range(1, 30):  # a0 is never reported
        watched = store.report(f"a{i}", 0.0, 1.0).watched
        if watched.suspended:
            break
    assert watched.suspended
    assert watched.evidence >= 10
    assert watched.lower_bound >= 0.05
    assert store.draw([drawn("later")]) == [None]
    assert AuditStore(path).watched("cal") == [watched]


def test_an_open_audit_is_given_up_after_the_window_and_its_report_refused(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("router.promise.audit.WINDOW", 5)
    store = AuditStore(path)
    store.draw([drawn("open")])
    store.draw([drawn(f"a{i}", tier="large") for i in range(4)])
    store.report("open", 1.0, 1.0)
    store.draw([drawn("late")])
    store.draw([drawn(f"b{i}", tier="large") for i in range(5)])
    with pytest.raises(AuditExpiredError, match=f"{WINDOW} audits were drawn since"):
        store.report("late", 0.0, 1.0)
    (watched,) = store.watched("cal")
    assert (watched.audits, watched.known, watched.lost) == (11, 10, 0)


def test_contracts_and_calibrations_have_watches_of_their_own(path: Path):
    store = AuditStore(path)
    other = Contract(0.1, 0.9)
    store.draw([drawn("a"), drawn("b", contract=other)])
    store.report("a", 0.0, 1.0)
    strict, loose = store.watched("cal")
    assert (strict.contract, strict.lost) == (CONTRACT, 1)
    assert (loose.contract, loose.known) == (other, 0)
    assert store.watched("another") == []


def test_each_topic_of_a_contract_is_watched_alone_and_at_a_share_of_its_confidence(path: Path):
    store = AuditStore(path)
    by_topic = replace(CONTRACT, per_topic=True)
    tools, proofs = (replace(TERMS, topic=topic, topics=4) for topic in ("tools", "proofs"))
    store.draw([drawn("all"), drawn("proof", contract=by_topic, terms=proofs)])
    for number in range(100):
        store.draw([drawn(f"t{number}", contract=by_topic, terms=tools)])
        if store.report(f"t{number}", 0.0, 1.0).watched.suspended:
            break
    of_all, of_proofs, of_tools = store.watched("cal")
    assert [of_all.promise, of_proofs.promise, of_tools.promise] == [
        (CONTRACT, ""),
        (by_topic, "proofs"),
        (by_topic, "tools"),
    ]
    assert [one.suspended for one in (of_all, of_proofs, of_tools)] == [False, False, True]
    assert of_tools.level == pytest.approx(0.1 / 4)
    assert of_tools.evidence >= 40


def test_watches_of_a_store_without_topics_go_on_where_they_stood(path: Path):
    store = AuditStore(path)
    store.draw([drawn("a"), drawn("b")])
    before = store.report("a", 0.0, 1.0).watched
    store.close()
    forget_topics(path)
    store = AuditStore(path)
    assert store.watched("cal") == [before]
    after = store.report("b", 0.0, 1.0).watched
    assert (after.lost, after.contract) == (2, CONTRACT)
    assert after.evidence > before.evidence
    by_topic = replace(CONTRACT, per_topic=True)
    store.draw([drawn("c", contract=by_topic, terms=replace(TERMS, topic="tools", topics=4))])
    assert [one.topic for one in AuditStore(path).watched("cal")] == ["", "tools"]


def test_no_more_contracts_are_watched_than_there_is_room_for(
    path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(watch_rows, "MOST_WATCHES", 2)
    store = AuditStore(path)
    contracts = [Contract(rate) for rate in (0.01, 0.02, 0.03)]
    written = store.draw([drawn(f"a{i}", contract=one) for i, one in enumerate(contracts)])
    assert [one is None for one in written] == [False, False, True]
    assert store.draw([drawn("again", contract=contracts[0])]) != [None]


def test_a_failed_transaction_leaves_nothing_behind(path: Path):
    store = AuditStore(path)
    store.draw([drawn("a")])
    with pytest.raises(StoreError, match="the audit was not recorded"):
        store.draw([drawn("b"), drawn("a")])  # an id cannot be drawn twice
    assert store.watched("cal")[0].audits == 1
    store.report("a", 1.0, 1.0)


def test_a_killed_writer_neither_loses_an_acknowledged_audit_nor_counts_one_twice(path: Path):
    acknowledged: set[str] = set()
    for attempt in range(3):
        with subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path), str(attempt), str(Path(__file__).parent)],
            stdout=subprocess.PIPE,
            text=True,
            cwd=Path(__file__).resolve().parents[2],
        ) as writer:
            assert writer.stdout is not None
            lines = [writer.stdout.readline() for _ in range(15 + attempt)]
            os.kill(writer.pid, signal.SIGKILL)
            lines += writer.stdout.read().splitlines()
        acknowledged |= {line.strip() for line in lines}
        connection = sqlite3.connect(path)
        rows = dict(connection.execute("SELECT decision_id, loss IS NOT NULL FROM audit"))
        positions = [p for (p,) in connection.execute("SELECT position FROM audit ORDER BY 1")]
        connection.close()
        for line in acknowledged:
            what, name = line.split()
            assert rows[name] or what == "drawn"
        assert positions == list(range(1, len(rows) + 1))
        (watched,) = AuditStore(path).watched("cal")
        assert (watched.audits, watched.known) == (len(rows), sum(rows.values()))
        state, settled = state_of(path)
        assert state == replayed(path, settled)
