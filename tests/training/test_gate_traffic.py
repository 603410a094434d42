"""The gate on traffic: equal passes, worse does not, and a log that cannot say so is refused."""

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from router.engine import Engine
from router.errors import DataError, TrainingError
from router.explore import explored
from router.ledger.store import OutcomeStore, RecordedOutcome
from router.server.decision_line import Logged, decision_line
from router.types import Goal, Message, Request
from training.gate_traffic import QUALITY_MARGIN, traffic_gate

SHARE, DECISIONS = 0.4, 400
Quality = Callable[[str], float]


@pytest.fixture
def write(engine: Engine, tmp_path: Path) -> Callable[[Quality], tuple[Path, Path]]:
    """Return a function that writes a log of seeded decisions and outcomes by a rule."""

    def write_log(
        quality: Quality, decisions: int = DECISIONS, **changes: object
    ) -> tuple[Path, Path]:
        rng = np.random.default_rng(3)
        store, lines = OutcomeStore(tmp_path / "outcomes.sqlite3"), []
        store._database.connection().execute("PRAGMA synchronous = OFF")
        for number in range(decisions):
            text = f"Question {number}: " + "why is that so? " * (number % 40)
            request = Request((Message("user", text),), Goal(willingness_to_pay_usd=0.02))
            made = engine.route(request)._replace(decision_id=rng.bytes(16).hex())
            taken = explored(made, SHARE, engine.catalog.tier_names)
            line = json.loads(decision_line(engine, SHARE, Logged(request, made, taken)))
            lines.append(json.dumps({k: v for k, v in (line | changes).items() if v is not None}))
            tier = taken.chosen.deployment.tier
            store.record(RecordedOutcome(made.decision_id, made.decision_id, quality(tier)))
        store.close()
        (tmp_path / "log.jsonl").write_text("\n".join(lines), encoding="utf-8")
        return tmp_path / "log.jsonl", tmp_path / "outcomes.sqlite3"

    return write_log


def test_the_artifact_that_served_passes_where_exploring_earned_no_more(
    write, tiny_artifact: Path, catalog_file: Path
):
    verdict = traffic_gate(tiny_artifact, catalog_file, *write(lambda _: 0.8))
    assert verdict.promoted
    assert verdict.quality_gain.low <= 0 <= verdict.quality_gain.high
    assert verdict.decisions == DECISIONS
    assert verdict.sentence().startswith("passed on traffic")


def test_an_artifact_that_takes_what_fails_does_not_pass(
    write, tiny_artifact: Path, catalog_file: Path
):
    """Only the lowest tier succeeds, which the artifact seldom takes and exploring often does."""
    verdict = traffic_gate(tiny_artifact, catalog_file, *write(lambda tier: float(tier == "small")))
    assert not verdict.promoted
    assert verdict.quality_gain.high < -QUALITY_MARGIN
    assert "NOT passed" in verdict.sentence()


def test_a_log_without_exploration_of_what_the_candidate_takes_is_refused(
    write, tiny_artifact: Path, catalog_file: Path
):
    with pytest.raises(DataError, match="could not have taken"):
        traffic_gate(
            tiny_artifact,
            catalog_file,
            *write(
                lambda _: 1.0,
                40,
                action="large",
                propensities={"small": 0, "medium": 0, "large": 1},
            ),
        )


def test_a_log_without_vectors_is_refused(write, tiny_artifact: Path, catalog_file: Path):
    with pytest.raises(TrainingError, match="lines lack 'vector'"):
        traffic_gate(tiny_artifact, catalog_file, *write(lambda _: 1.0, 40, vector=None))
