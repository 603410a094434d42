"""A contract on a real server, driven by recorded outcomes: noticed, harmed, restored."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tiny_artifact import COUNTS, calibrated, copy_artifact

from eval.promise.served import ServedContract, Traffic
from router.config import Config
from router.types import Contract, Prediction

CONTRACT = Contract(0.05)


def traffic(*quality: tuple[float, ...]) -> Traffic:
    """Prompts of which every tier is predicted to be as good as the top one."""
    prediction = Prediction((0.9, 0.9, 0.9), (50.0, 50.0, 50.0))
    return Traffic([prediction] * len(quality), np.full(len(quality), 50.0), np.array(quality))


KEPT, BROKEN = traffic((1.0, 1.0, 1.0), (0.0, 0.0, 0.0)), traffic((0.0, 1.0, 1.0), (1.0, 1.0, 1.0))


@pytest.fixture
def config(server_config: Config, tiny_artifact: Path, tmp_path: Path) -> Config:
    return replace(
        server_config,
        artifact=calibrated(copy_artifact(tiny_artifact, tmp_path / "artifact")),
        store=tmp_path / "outcomes.sqlite3",
        audit_share=0.2,
    )


def test_a_shift_is_noticed_through_the_rpc_and_harms_nobody_afterwards(config: Config):
    with ServedContract(config, CONTRACT, np.random.default_rng(1)) as served:
        quiet = served.ask(KEPT, 200)
        assert (quiet.requests, quiet.cheap, quiet.lost) == (200, 200, 0)
        assert not quiet.suspended
        assert 15 < quiet.audits < 75
        shifted = served.ask(BROKEN, 1000, until_suspended=True)
        assert shifted.suspended
        assert shifted.requests < 1000
        assert shifted.lost == len(shifted.losses) == pytest.approx(shifted.requests / 2, rel=0.5)
        last_request, evidence = shifted.evidence[-1]
        assert last_request == shifted.requests
        assert evidence >= 10
        assert served.health == "NOT_SERVING"
        after = served.ask(BROKEN, 100)
        assert (after.cheap, after.lost, after.audits) == (0, 0, 0)
        (contract,) = served.promise().contracts
        assert contract.audit_count == quiet.audits + shifted.audits


def test_the_same_seed_gives_the_same_life(config: Config, tmp_path: Path):
    lives = []
    for name in ("a", "b"):
        one = replace(config, store=tmp_path / f"{name}.sqlite3")
        with ServedContract(one, CONTRACT, np.random.default_rng(2)) as served:
            lives.append(served.ask(BROKEN, 300, until_suspended=True))
    assert lives[0] == lives[1]


def test_a_new_calibration_on_the_same_store_begins_a_new_watch(
    config: Config, tiny_artifact: Path, tmp_path: Path
):
    with ServedContract(config, CONTRACT, np.random.default_rng(3)) as served:
        assert served.ask(BROKEN, 1000, until_suspended=True).suspended
    # Labels of which a tenth lose at any threshold vouch for the top tier only.
    strict = replace(COUNTS, total_loss=(100.0, 100.0))
    again = calibrated(copy_artifact(tiny_artifact, tmp_path / "again"), strict)
    with ServedContract(
        replace(config, artifact=again), CONTRACT, np.random.default_rng(4)
    ) as served:
        assert served.health == "SERVING"
        after = served.ask(BROKEN, 200)
        assert (after.cheap, after.lost, after.suspended) == (0, 0, False)
        assert after.audits > 0
        assert served.promise().contracts[0].known_audit_count == after.audits
