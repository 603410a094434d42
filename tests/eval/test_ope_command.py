"""The command reads a log, refuses a faulty one by line, and prints what it found."""

import json
from pathlib import Path

import numpy as np
import pytest

from eval.ope.__main__ import main
from eval.ope.read import read_log
from router.errors import DataError

TIERS = ("small", "medium", "large")


def line(index: int, action: str = "small", **change) -> dict:
    """One decision of an exploring policy; ``change`` replaces keys, None leaves them out."""
    content = {
        "context_id": f"r{index}",
        "cluster": f"u{index // 2}",
        "action": action,
        "propensities": {"small": 0.6, "medium": 0.2, "large": 0.2},
        "reward": float(index % 3 > 0),
        "cost_usd": {"small": 0.001, "medium": 0.002}.get(action, 0.003),
        "predicted_reward": {"small": 0.5, "medium": 0.6, "large": 0.7},
        "predicted_cost_usd": {"small": 0.001, "medium": 0.002, "large": 0.003},
        "candidate": "medium",
        "prompt": f"Add {index} and {index + 1}.",
    }
    return {key: value for key, value in (content | change).items() if value is not None}


def write(path: Path, lines: list[dict]) -> Path:
    path.write_text("\n".join(json.dumps(one) for one in lines) + "\n\n", encoding="utf-8")
    return path


@pytest.fixture
def log_file(tmp_path: Path) -> Path:
    chosen = np.random.default_rng(0).choice(TIERS, 300, p=(0.6, 0.2, 0.2))
    return write(tmp_path / "log.jsonl", [line(i, str(a)) for i, a in enumerate(chosen)])


def test_a_log_is_read_as_it_was_written(log_file: Path):
    file = read_log(log_file, "candidate")
    assert file.log.actions == TIERS
    assert len(file.log.reward) == len(file.prompts) == 300
    assert len(set(file.log.clusters.tolist())) == 150
    assert file.candidate is not None
    assert (file.candidate == (0, 1, 0)).all()


def test_a_candidate_may_be_given_as_probabilities_and_a_request_without_cluster_stands_alone(
    tmp_path: Path,
):
    odds = {"small": 0.5, "large": 0.5}
    path = write(tmp_path / "log.jsonl", [line(i, cluster=None, candidate=odds) for i in range(3)])
    file = read_log(path, "candidate")
    assert file.candidate is not None
    assert file.candidate[0].tolist() == [0.5, 0.0, 0.5]
    assert file.log.clusters.tolist() == ["r0", "r1", "r2"]


def test_the_report_names_every_estimator_with_both_intervals(log_file: Path, capsys):
    assert main(["--log", str(log_file), "--candidate", "candidate", "--draws", "50"]) == 0
    said = capsys.readouterr().out
    assert "300 decisions" in said
    for start in ("quality | ips", "quality | snips", "quality | dr", "cost_usd | dr"):
        assert f"| {start} | " in said
    assert "warning" in said  # about 60 effective decisions


def test_without_predictions_the_doubly_robust_estimate_is_left_out_and_said_to_be(
    tmp_path: Path, capsys
):
    bare = {"predicted_reward": None, "predicted_cost_usd": None}
    lines = [line(i, TIERS[i % 3], **bare) for i in range(30)]
    path = write(tmp_path / "log.jsonl", lines)
    assert main(["--log", str(path), "--candidate", "candidate", "--draws", "20"]) == 0
    said = capsys.readouterr().out
    assert "| dr |" not in said
    assert "left out" in said


def test_propensities_that_did_not_decide_are_noticed(tmp_path: Path, capsys):
    lines = [line(i, "medium" if i % 10 else "small") for i in range(200)]
    path = write(tmp_path / "log.jsonl", lines)
    assert main(["--log", str(path), "--candidate", "candidate", "--draws", "20"]) == 0
    assert "mean weight is far from 1" in capsys.readouterr().out


def test_an_artifact_can_be_the_candidate(log_file: Path, tiny_artifact, catalog_file, capsys):
    command = ["--log", str(log_file), "--artifact", str(tiny_artifact), "--draws", "20"]
    goal = ["--catalog", str(catalog_file), "--quality-target", "0.5"]
    assert main(command + goal) == 0
    assert "effective ones" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"context_id": None}, "log.jsonl:1: context_id = None"),
        ({"reward": 1.5}, "reward = 1.5"),
        ({"cost_usd": "much"}, "cost_usd"),
        ({"propensities": 0.6}, "one number per action"),
        ({"propensities": {"small": 0.5}}, "add up to 1"),
        ({"action": "huge"}, "huge have no propensity"),
        ({"candidate": None}, "candidate = None"),
        ({"predicted_reward": {"small": 0.5}}, "lacks actions in 1 of 2 lines"),
    ],
)
def test_a_faulty_line_is_refused_by_name(tmp_path: Path, change, message: str):
    path = write(tmp_path / "log.jsonl", [line(0, **change), line(1)])
    with pytest.raises(DataError, match=message):
        read_log(path, "candidate")


@pytest.mark.parametrize("content", ["", "{", "[1]"])
def test_a_file_that_is_no_log_is_refused(tmp_path: Path, content: str):
    path = tmp_path / "log.jsonl"
    path.write_text(content)
    with pytest.raises(DataError, match="faulty lines"):
        read_log(path)


@pytest.mark.parametrize(
    ("command", "code", "message"),
    [
        ([], 2, "give --log"),
        (["--log", "nowhere.jsonl", "--candidate", "c"], 1, "no such log"),
        (["--log", "nowhere.jsonl", "--candidate", "c", "--artifact", "a"], 2, "one of"),
    ],
)
def test_a_command_that_cannot_work_says_why(command, code: int, message: str, capsys):
    assert main(command) == code
    assert message in capsys.readouterr().err
