"""Every command of ``python -m router``: what it prints, and the status it exits with."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from router.cli.explain import _WHY, SHORT_WHY
from router.cli.main import build_parser, main
from router.cli.serve import config_of
from router.ledger.store import OutcomeStore, RecordedOutcome
from router.server.app import RouterServer
from router.v1 import router_pb2 as pb

Run = Callable[..., tuple[int, str, str]]
COMMANDS = (
    "serve",
    "route",
    "tiers",
    "check",
    "health",
    "promise",
    "prices",
    "demo",
    "outcomes",
    "keys",
    "sign",
)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Return a function that runs a command and gives exit status, output and errors."""

    def run_command(*arguments: object) -> tuple[int, str, str]:
        try:
            status = main([str(argument) for argument in arguments])
        except SystemExit as error:  # argparse leaves this way
            status = int(error.code or 0)
        captured = capsys.readouterr()
        return status, captured.out, captured.err

    return run_command


@pytest.fixture
def here(tiny_artifact: Path, catalog_file: Path) -> tuple[object, ...]:
    """Return the flags that route in this process with the tiny artifact."""
    return ("--artifact", tiny_artifact, "--catalog", catalog_file)


@pytest.fixture
def there(server: RouterServer) -> tuple[str, str]:
    """Return the flags that ask the shared server."""
    return ("--address", f"127.0.0.1:{server.port}")


def test_help_names_every_command(run: Run) -> None:
    status, output, _ = run("--help")
    assert status == 0
    for command in COMMANDS:
        assert f"\n    {command} " in output


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(run: Run, command: str) -> None:
    status, output, _ = run(command, "--help")
    assert status == 0
    assert f"python -m router {command}" in output


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("dance",),
        ("route",),
        ("route", "--quality-target", "high", "hello"),
        ("route", "--quality-target", "0.5", "--willingness-to-pay", "1", "hello"),
        ("serve", "--threads", "many"),
    ],
    ids=str,
)
def test_a_wrong_command_line_exits_with_2(run: Run, arguments: tuple[str, ...]) -> None:
    status, output, errors = run(*arguments)
    assert (status, output) == (2, "")
    assert "usage: python -m router" in errors


def test_serve_takes_audits_exploration_and_the_decision_log_as_flags() -> None:
    flags = ["--audit-share", "0.02", "--exploration-share", "0.1", "--decision-log", "d.jsonl"]
    config = config_of(build_parser().parse_args(["serve", *flags]))
    assert (config.audit_share, config.exploration_share) == (0.02, 0.1)
    assert config.decision_log == Path("d.jsonl")


def test_route_explains_the_choice_in_this_process(run: Run, here: tuple[object, ...]) -> None:
    status, output, errors = run("route", *here, "--quality-target", "0.01", "--", "Name a fruit.")
    assert (status, errors) == (0, "")
    assert output.startswith("Tier        small\n")
    assert "the cheapest candidate that reaches the quality target" in output
    assert "adequate with a probability of at least 0.01" in output
    assert "of the cost of large, the dearest tier that may serve" in output
    rows = [line for line in output.splitlines() if line.startswith(("small", "medium", "large"))]
    assert [row.split()[0] for row in rows] == ["small", "medium", "large"]
    assert rows[0].endswith("chosen")


def test_route_explains_a_contract_and_what_it_rests_on(run: Run) -> None:
    status, output, errors = run("route", "--max-loss-rate", "0.1", "--", "Name a fruit.")
    assert (status, errors) == (0, "")
    assert "a tier that the contract permits for this prompt" in output
    assert "at most 10.00% of requests lose against the top tier, with confidence 0.9" in output
    assert "labelled prompts: regret up to" in output


def test_every_reason_of_a_decision_has_words() -> None:
    reasons = set(pb.DecisionReason.values()) - {pb.DECISION_REASON_UNSPECIFIED}
    assert set(_WHY) == set(SHORT_WHY) == reasons


def test_route_says_why_others_fell_out(run: Run, here: tuple[object, ...]) -> None:
    status, output, _ = run("route", "Name a fruit.", *here, "--allow", "large", "medium",
                            "--deny", "medium")  # fmt: skip
    assert status == 0
    assert "Saving      none: it is the dearest tier that may serve" in output
    small, medium = (next(x for x in output.splitlines() if x.startswith(name + " "))
                     for name in ("small", "medium"))  # fmt: skip
    assert small.endswith("tier not among those allowed")
    assert medium.endswith("tier denied")


def test_route_gives_the_same_answer_by_a_server_and_in_process(
    run: Run, here: tuple[object, ...], there: tuple[str, str]
) -> None:
    asked = ("--json", "--max-output-tokens", "50", "--max-cost", "1", "--", "Write", "a", "poem")
    _, local, _ = run("route", *here, *asked)
    status, remote, _ = run("route", *there, *asked)
    assert status == 0
    first, second = json.loads(local), json.loads(remote)
    assert first.pop("decision_id") != second.pop("decision_id")
    assert first == second
    assert first["goal"]["max_cost_usd"] == 1.0
    assert max(c["output_token_count"] for c in first["candidates"]) <= 50


def test_route_reads_a_prompt_from_standard_input(
    run: Run, here: tuple[object, ...], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "prompt"
    path.write_text("Name a fruit.", encoding="utf-8")
    with path.open(encoding="utf-8") as stream:
        monkeypatch.setattr("sys.stdin", stream)
        status, output, _ = run("route", *here, "--json", "-")
    assert status == 0
    _, same, _ = run("route", *here, "--json", "Name a fruit.")
    assert json.loads(output)["candidates"] == json.loads(same)["candidates"]


REFUSED = [
    (("route", ""), "prompt: nothing to read"),
    (("route", "hello", "--deny", "tiny"), "denied_tiers: ['tiny'] given"),
    (("route", "hello", "--quality-target", "2"), "goal.quality_target: 2.0 given"),
    (("route", "hello", "--willingness-to-pay", "0"), "goal.willingness_to_pay_usd: 0.0 given"),
    (("route", "hello", "--max-loss-rate", "1"), "goal.contract.max_loss_rate: 1.0 given"),
    (("route", "hello", "--confidence", "0.8"), "goal.contract.max_loss_rate: 0.0 given"),
    (("route", "hello", "--max-cost", "1e-12"), "no deployment may serve this request"),
    (("route", "hello", "--artifact", "nowhere"), "nowhere: there is no such artifact directory"),
    (("tiers", "--catalog", "nowhere.toml"), "nowhere.toml: there is no such catalog"),
    (("check", "--catalog", "nowhere.toml"), "nowhere.toml: there is no such catalog"),
    (("serve", "--address", "nonsense"), "command line: address = 'nonsense': must be host:port"),
    (("serve", "--threads", "0"), "command line: threads = 0"),
    (("serve", "--config", "nowhere.toml"), "nowhere.toml: not readable as TOML"),
    (("outcomes", "--store", "nowhere"), "nowhere: there is no such outcome store"),
    (("health", "--address", "127.0.0.1:1"), "no router answers at 127.0.0.1:1; start one"),
    (("route", "hello", "--address", "127.0.0.1:1"), "no router answers at 127.0.0.1:1"),
    (("demo", "--artifact", "nowhere"), "the server ended before it was ready: error: nowhere"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=lambda value: str(value)[:50])
def test_a_refusal_is_one_line_and_exits_with_1(
    run: Run,
    here: tuple[object, ...],
    arguments: tuple[str, ...],
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    at_home = arguments[0] == "route" and not {"--artifact", "--address"} & set(arguments)
    command, *rest = arguments
    status, output, errors = run(command, *(here if at_home else ()), *rest)
    assert (status, output) == (1, "")
    assert errors.startswith(f"error: {message}")
    assert errors.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("route", "Hi", "--max-output-tokens", 2**40), "max_output_tokens: 1099511627776 given"),
        (("route", "\udcff"), "text that is not UTF-8 was given"),
        (("check", "--artifact", "a" * 300), "File name too long"),
        (("outcomes", "--store", "a" * 300), "File name too long"),
        (("keys", "list", "--file", "a" * 300), "File name too long"),
    ],
)
def test_what_no_message_or_disk_can_hold_is_one_line_and_no_traceback(
    run: Run, arguments: tuple[object, ...], said: str
) -> None:
    status, output, errors = run(*arguments)
    assert (status, output, errors.count("\n")) == (1, "", 1)
    assert errors.startswith("error: ")
    assert said in errors


def test_admin_takes_the_address_before_and_behind_its_command() -> None:
    before = build_parser().parse_args(["admin", "--address", "a:1", "--tls", "status"])
    behind = build_parser().parse_args(["admin", "status", "--address", "a:1", "--tls"])
    assert vars(before) == vars(behind)
    assert (before.address, before.tls, before.tls_ca) == ("a:1", True, None)


def test_a_servers_refusal_reads_like_one_in_process(
    run: Run, here: tuple[object, ...], there: tuple[str, str]
) -> None:
    refused = ("--quality-target", "7", "hello")
    assert run("route", *there, *refused) == run("route", *here, *refused)


def test_tiers_are_listed_from_a_file_and_from_a_server(
    run: Run, catalog_file: Path, there: tuple[str, str]
) -> None:
    status, output, _ = run("tiers", "--catalog", catalog_file)
    assert status == 0
    assert "Default goal: 0.02 USD for one more adequate answer." in output
    assert run("tiers", *there)[1] == output


def test_check_accepts_what_fits_and_names_what_does_not(
    run: Run, here: tuple[object, ...], catalog_file: Path, tiny_artifact: Path, tmp_path: Path
) -> None:
    status, output, _ = run("check", *here)
    assert status == 0
    assert output.endswith("ok: they fit each other\n")
    other = tmp_path / "other.toml"
    text = catalog_file.read_text(encoding="utf-8")
    other.write_text(text.replace('"large"', '"huge"'), encoding="utf-8")
    status, _, errors = run("check", "--artifact", tiny_artifact, "--catalog", other)
    assert status == 1
    assert "predicts for tiers ['small', 'medium', 'large']" in errors


def test_health_exits_with_0_only_when_serving(run: Run, there: tuple[str, str]) -> None:
    assert run("health", *there) == (0, "SERVING\n", "")
    status, _, errors = run("health", *there, "--service", "nobody")
    assert status == 1
    assert "answered NOT_FOUND" in errors


def test_outcomes_are_listed_as_json_lines(run: Run, tmp_path: Path) -> None:
    path = tmp_path / "outcomes.sqlite3"
    store = OutcomeStore(path)
    store.record(RecordedOutcome("d1", "r1", quality=0.5))
    store.record(RecordedOutcome("d2", "r2", output_tokens=7))
    store.close()
    status, output, _ = run("outcomes", "--store", path)
    assert status == 0
    rows = [json.loads(line) for line in output.splitlines()]
    assert [(row["request_id"], row["quality"], row["output_tokens"]) for row in rows] == [
        ("r1", 0.5, None),
        ("r2", None, 7),
    ]
