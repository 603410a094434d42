"""``batch``: a job from a line of JSON to its answer, by commands only."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from router.cli.main import main

CATALOG = str(Path(__file__).resolve().parents[2] / "data" / "catalog.example.toml")
OPUS, ASTRA = "claude-opus-5-5", "gpt-6-astra"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def batch(action: str, *arguments: str) -> int:
    catalog = ["--catalog", CATALOG] if action in ("add", "collect") else []
    return main(["batch", action, *arguments, *catalog])


def write(name: str, *lines: object) -> str:
    Path(name).write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return name


def job(custom_id: str, deployment: str = OPUS, **more: str) -> dict[str, object]:
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": f"About {custom_id}?"}]}
    return {"custom_id": custom_id, "deployment": deployment, "body": body, **more}


def soon(minutes: float) -> str:
    return (datetime.now(UTC) + timedelta(minutes=minutes)).isoformat()


def test_jobs_become_files_and_results_become_answers(capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("add", write("jobs", job("one"), job("two"), job("three", ASTRA))) == 0
    assert batch("add", "jobs") == 0
    assert batch("collect") == 0
    added, known, anthropic, openai = capsys.readouterr().out.split("\n")[:-1]
    assert (added, known) == ("added 3", "known 3")
    rows = json.loads(Path(anthropic).read_text(encoding="utf-8"))["requests"]
    assert [row["params"]["model"] for row in rows] == [OPUS, OPUS]
    (line,) = Path(openai).read_text(encoding="utf-8").splitlines()
    assert json.loads(line)["url"] == "/v1/chat/completions"
    assert batch("sent", anthropic, "msgbatch_1") == 0
    result = {"type": "succeeded", "message": {"content": "Much."}}
    assert batch("results", write("r", {"custom_id": "two", "result": result}), "msgbatch_1") == 0
    assert batch("status") == 0
    assert batch("answers") == 0
    printed = capsys.readouterr().out
    assert "answered 1" in printed
    assert "msgbatch_1" in printed
    answered = json.loads(printed.splitlines()[-1])
    assert answered["answer"] == {"content": "Much."}
    assert batch("failed", openai, "the file was refused") == 0
    assert batch("results", write("r"), "msgbatch_1", "--last") == 0
    assert not Path(anthropic).exists()
    assert batch("collect") == 0
    again = capsys.readouterr().out.split("\n")[-3:-1]
    assert not {anthropic, openai} & set(again)


def test_a_job_that_is_due_is_handed_over_with_its_body(capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("add", write("jobs", job("one", needed_by=soon(3)), job("two"))) == 0
    assert batch("due") == 0
    assert batch("due", "--within", "180") == 0
    _, line = capsys.readouterr().out.splitlines()
    handed = json.loads(line)
    assert (handed["custom_id"], handed["body"]["max_tokens"]) == ("one", 9)
    result = {"custom_id": "one", "response": {"status_code": 200, "body": {"id": 1}}}
    assert batch("results", write("r", result)) == 0
    assert batch("answers") == 0
    answered = json.loads(capsys.readouterr().out.splitlines()[-1])
    assert batch("times") == 0
    assert "1 answers of 1 jobs (sync), 0 answers of 2 jobs (batch)" in capsys.readouterr().out
    assert answered == {"custom_id": "one", "deployment": OPUS, "late": False, "answer": {"id": 1}}
    answers = write("answers", answered)
    assert batch("forget", answers) == 0
    assert batch("answers") == 0
    assert capsys.readouterr().out == "deleted 1\n"


def test_half_an_emoji_in_a_job_or_an_answer_is_kept_as_it_came(
    capsys: pytest.CaptureFixture[str],
) -> None:
    cut = "Much \ud83d"  # as an answer ends that was cut within an emoji
    body = {"max_tokens": 9, "messages": [{"role": "user", "content": cut}]}
    assert batch("add", write("jobs", {**job("one"), "body": body})) == 0
    assert batch("collect") == 0
    path = capsys.readouterr().out.splitlines()[-1]
    (row,) = json.loads(Path(path).read_text(encoding="utf-8"))["requests"]
    assert row["params"]["messages"] == body["messages"]
    assert batch("sent", path, "b") == 0
    result = {"type": "succeeded", "message": {"content": cut}}
    assert batch("results", write("r", {"custom_id": "one", "result": result}), "b") == 0
    assert batch("answers") == 0
    printed = capsys.readouterr().out.encode().decode()  # UTF-8 holds it
    assert json.loads(printed.splitlines()[-1])["answer"] == {"content": cut}


@pytest.mark.parametrize("seconds", ["nan", "inf", "-1"])
def test_a_time_that_is_none_is_refused_and_hands_nothing_over(seconds: str) -> None:
    with pytest.raises(SystemExit, match="2"):
        batch("due", "--within", seconds)


def test_a_command_on_a_store_that_is_not_there_makes_none(
    capsys: pytest.CaptureFixture[str],
) -> None:
    for action in ("collect", "due", "status", "times", "answers"):
        assert batch(action) == 1
        assert "there is no such store of jobs" in capsys.readouterr().err
    assert not Path("router-jobs.sqlite3").exists()


def test_a_wrong_line_adds_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert batch("add", write("jobs", job("one"), job("two", "claude-haiku"))) == 1
    assert "line 2" in capsys.readouterr().err
    assert batch("status") == 1


def test_a_count_of_failures_below_one_is_a_wrong_command_line() -> None:
    with pytest.raises(SystemExit) as caught:
        batch("add", "jobs", "--most-failures", "0")
    assert caught.value.code == 2
