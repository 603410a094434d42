"""The benchmark runs and writes what it documents; no time is judged here."""

import json
import random
from pathlib import Path
from typing import Any

import pytest

from bench.__main__ import main
from bench.calls import IN_FLIGHT, Plan, call_rows
from bench.footprint import directory_bytes, install_bytes
from bench.load import Block, Job, make_requests
from bench.report import Row, lines_of_rows, to_json
from bench.stages import stage_times
from bench.texts import VOCABULARY, make_prompt
from router.cost.tokens import estimate_tokens
from router.engine import Engine


@pytest.mark.parametrize("tokens", [20, 100, 500])
def test_prompts_have_about_the_length_asked_for(tokens: int) -> None:
    generator = random.Random(3)
    sizes = [estimate_tokens(make_prompt(generator, tokens)) for _ in range(20)]
    assert all(0.85 * tokens <= size <= 1.15 * tokens for size in sizes)


def test_prompts_differ_between_calls_and_repeat_with_their_seed() -> None:
    job = Job("route", 20, 1, 0.1, 5)
    first, again = make_requests(job, 5), make_requests(job, 5)
    assert [r.prompt for r in first] == [r.prompt for r in again]
    assert len({r.prompt for r in first}) == len(first)
    assert len(set(VOCABULARY)) > 3_000
    assert len(make_requests(Job("batch", 20, 1, 0.1, 5, batch=3), 5)[0].requests) == 3


class EvenClients:
    """Clients on a server that takes 1 ms for an echo and 2 ms for a decision."""

    def run(self, job: Job) -> Block:
        each = 1.0 if job.method == "echo" else 2.0
        return Block((each,) * 10, job.in_flight * 1_000 / each)


def test_ratios_are_taken_against_the_echo_of_the_same_round() -> None:
    rows = {row.name: row for row in call_rows(EvenClients(), Plan(0.1, 2, 0))}
    latency = rows["Route 100 tokens, 1 in flight: median / echo"]
    throughput = rows[f"Route 100 tokens, {IN_FLIGHT} in flight: / echo"]
    assert (latency.value, latency.met, latency.target) == (2.0, False, "<= 1.25")
    assert (throughput.value, throughput.met, throughput.target) == (0.5, False, ">= 0.75")
    assert rows["Route 100 tokens, 1 in flight: p99 / echo"].value == 2.0
    assert rows["RouteBatch of 256 prompts of 20 tokens, 2 in flight"].value == 256 * 1_000


def test_a_tiny_run_writes_the_documented_fields(
    tiny_artifact: Path, catalog_file: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "new" / "bench.json"
    status = main([
        "--seconds", "0.02", "--rounds", "1", "--clients", "1", "--calls-only", "--seed", "4",
        "--artifact", str(tiny_artifact), "--catalog", str(catalog_file), "--out", str(out),
    ])  # fmt: skip
    assert status == 0
    content: dict[str, Any] = json.loads(out.read_text(encoding="utf-8"))
    assert set(content) == {
        "format", "date", "seed", "machine", "versions", "kernel", "settings", "rows",
    }  # fmt: skip
    assert (content["format"], content["seed"]) == (1, 4)
    assert {"processor", "cores", "system", "load_average"} == set(content["machine"])
    assert {"python", "grpcio", "onnxruntime"} <= set(content["versions"])
    names = [row["name"] for row in content["rows"]]
    assert len(set(names)) == len(names)
    for row in content["rows"]:
        assert set(row) == {"name", "value", "unit", "target", "met"}
        assert row["value"] > 0
        assert (row["target"] is None) == (row["met"] is None)
    printed = capsys.readouterr().out
    assert all(name in printed for name in names)


def test_a_bad_artifact_is_one_line_and_exit_status_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--quick", "--artifact", str(tmp_path / "nowhere")]) == 1
    assert capsys.readouterr().err.startswith("error: ")


def test_stages_are_all_timed(engine: Engine) -> None:
    times = stage_times(engine, tokens=20, calls=3, seed=0)
    assert list(times) == [
        "convert in", "window", "read", "tokenize", "encode", "features", "token estimate",
        "heads", "policy", "convert out", "count", "all",
    ]  # fmt: skip
    assert all(value > 0 for value in times.values())


def test_the_install_is_the_dependencies_of_the_base_and_what_they_bring(tmp_path: Path) -> None:
    project = tmp_path / "pyproject.toml"
    project.write_text('[project]\ndependencies = ["grpcio-status>=1", "no-such-thing"]\n')
    sizes = install_bytes(project)
    assert {"grpcio-status", "grpcio", "protobuf", "googleapis-common-protos"} <= set(sizes)
    assert "torch" not in install_bytes()
    assert sizes["grpcio"] > 1_000_000
    (tmp_path / "inner").mkdir()
    (tmp_path / "inner" / "file").write_bytes(b"12345")
    assert directory_bytes(tmp_path / "inner") == 5


def test_rows_say_whether_their_target_is_met() -> None:
    rows = [
        Row("a", 1.0, "s", at_most=2.0),
        Row("b", 1.0, "x", at_least=2.0),
        Row("c", 12_345.6, "MB"),
    ]
    lines = lines_of_rows(rows)
    assert lines[2].split() == ["a", "1", "s", "<=", "2", "met"]
    assert lines[3].split() == ["b", "1", "x", ">=", "2", "missed"]
    assert lines[4].split() == ["c", "12,346", "MB"]
    assert [row["met"] for row in to_json(rows, 0, {})["rows"]] == [True, False, None]
