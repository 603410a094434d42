"""The simulation of deferred work: what it counts, and that it can tell a bad store from a good."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from eval.deferred.__main__ import main
from eval.deferred.jobs import deployments, draw_jobs
from eval.deferred.measured import Run
from eval.deferred.provider import Faults, drawn
from eval.deferred.simulate import Setting, simulate
from router.batch.store import JobStore

CATALOG = Path(__file__).resolve().parents[2] / "data" / "catalog.example.toml"
FAULTS = Faults(0.2, 0.1, 0.05, 0.5, 0.5, 0.1)


def run(setting: Setting, seed: int = 5) -> Run:
    of, confidence = deployments(CATALOG)
    return simulate(of, confidence, setting, 30, seed)


def test_every_drawn_job_is_cheaper_in_a_batch() -> None:
    of, confidence = deployments(CATALOG)
    jobs, n_drawn = draw_jobs(of, confidence, 50, np.random.default_rng(1))
    assert n_drawn > 50
    assert all(one.batch_usd < one.expected_usd < one.sync_usd for one in jobs)


def test_without_faults_jobs_that_a_batch_answered_cost_half() -> None:
    found = run(Setting(Faults()))
    waited = ~found.asked_at_once
    assert found.paid_usd[waited] == pytest.approx(0.5 * found.sync_usd[waited])
    assert (found.lost, found.doubled, found.crashes, found.sent_again) == (0, 0, 0, 0)


def test_crashes_and_faults_lose_and_double_nothing() -> None:
    found = run(Setting(FAULTS, crash_rate=0.1))
    assert found.crashes > 20
    assert (found.lost, found.doubled, found.sent_again, found.kept_prompts) == (0, 0, 0, 0)


def test_a_store_that_records_an_answer_again_is_found_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def careless(self: JobStore, batch_id: str, results, now: float, *, are_last: bool = False):
        found = good(self, batch_id, results, now, are_last=are_last)
        with self.changing() as connection:
            connection.execute("UPDATE job SET ended_at = ? WHERE ended_at IS NOT NULL", (now,))
        return found

    good = JobStore.results
    monkeypatch.setattr(JobStore, "results", careless)
    assert run(Setting(FAULTS)).doubled > 0


def test_times_are_drawn_as_stated() -> None:
    of, _ = deployments(CATALOG)
    times = of[0].completion.sync
    rng = np.random.default_rng(2)
    seconds = np.array([drawn(times, rng) for _ in range(20_000)])
    shares = [(seconds <= one).mean() for one in times.seconds]
    assert shares == pytest.approx(times.probabilities, abs=0.01)
    slower = replace(times, probabilities=(0.4, 0.5, 0.6))
    assert np.isinf([drawn(slower, rng) for _ in range(1_000)]).mean() == pytest.approx(
        0.4, abs=0.1
    )


def test_the_command_prints_a_row_for_each_scenario(capsys: pytest.CaptureFixture[str]) -> None:
    asked = ["nothing goes wrong", "--jobs", "20", "--catalog", str(CATALOG)]
    assert main(asked) == 0
    printed = capsys.readouterr().out
    assert "| nothing goes wrong | 0 | 0 | 0 |" in printed
    assert "at most 1.0% missed" in printed
    with pytest.raises(SystemExit):
        main(["something else"])
