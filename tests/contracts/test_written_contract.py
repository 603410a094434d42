"""The wire contract, the Python nouns and their descriptions say the same."""

import ast
import dataclasses
import re
from collections.abc import Iterator
from enum import IntEnum
from pathlib import Path
from types import ModuleType

import pytest

import router.types
from router.cost.price import Price
from router.cost.tokens import TextKind
from router.deferred.ways import ServiceWay
from router.review.compare import Agreement
from router.review.final import Kind
from router.review.look import Finish, Why
from router.review.rule import Action
from router.server.attempts import Action as AttemptedAction
from router.server.attempts import Outcome
from router.types import Capabilities, DecisionReason, Deployment, IneligibleReason, Tier
from router.v1 import admin_pb2 as admin
from router.v1 import router_pb2 as pb

ROOT = Path(__file__).resolve().parents[2]
PROTOS = ROOT / "protos" / "router" / "v1"
DEFINITION = re.compile(
    r"^(message|enum|service|rpc|(repeated |optional |map<)?[\w.<>, ]+ \w+ = \d+;|[A-Z_]+ = \d+;)"
)
PYTHON = sorted(
    path for path in (ROOT / "router").rglob("*.py") if path.parent != ROOT / "router" / "v1"
)


@pytest.mark.parametrize(
    ("ours", "theirs", "prefix"),
    [
        (DecisionReason, pb.DecisionReason, "DECISION_REASON_"),
        (IneligibleReason, pb.IneligibleReason, "INELIGIBLE_REASON_"),
        (TextKind, pb.TextKind, "TEXT_KIND_"),
        (Kind, pb.AnswerKind, "ANSWER_KIND_"),
        (Finish, pb.FinishReason, "FINISH_REASON_"),
        (Agreement, pb.Agreement, "AGREEMENT_"),
        (Action, pb.ReviewAction, "REVIEW_ACTION_"),
        (Why, pb.ReviewReason, "REVIEW_REASON_"),
        (AttemptedAction, admin.AttemptAction, "ATTEMPT_ACTION_"),
        (ServiceWay, pb.ServiceWay, "SERVICE_WAY_"),
        (Outcome, admin.AttemptOutcome, "ATTEMPT_OUTCOME_"),
    ],
)
def test_enums_in_python_equal_the_enums_on_the_wire(
    ours: type[IntEnum], theirs: object, prefix: str
) -> None:
    wire = {key.removeprefix(prefix): value for key, value in theirs.items()}
    assert wire.pop("UNSPECIFIED") == 0
    assert wire == {member.name: member.value for member in ours}


def test_every_fact_of_a_deployment_is_on_the_wire() -> None:
    def names(record: type) -> set[str]:
        return {field.name for field in dataclasses.fields(record)}

    wire = set(pb.Deployment.DESCRIPTOR.fields_by_name)
    # The tier is the message around it, and where a price was read stays with the operator.
    expected = names(Deployment) - {"tier", "capabilities", "price", "batch_price", "flex_price"}
    expected -= {"retired_on", "tokenizer", "prompt_cache", "completion", "batch_file"}
    expected |= names(Capabilities) | names(Price) - {"as_of", "source", "bands", "ends"}
    expected |= {"price_date", "price_age_days", "price_is_old", "price_bands", "retires_on"}
    expected |= {"batch_input_usd_per_mtok", "batch_output_usd_per_mtok"}
    expected |= {"flex_input_usd_per_mtok", "flex_output_usd_per_mtok"}
    assert wire == expected
    assert set(pb.Tier.DESCRIPTOR.fields_by_name) == names(Tier) | {"deployments"}


def test_the_nouns_are_frozen_and_slotted() -> None:
    records = [
        item
        for item in vars(router.types).values()
        if dataclasses.is_dataclass(item) and isinstance(item, type)
    ]
    assert len(records) >= 7
    for record in records:
        assert record.__dataclass_params__.frozen, record
        assert "__slots__" in vars(record), record


@pytest.mark.parametrize(("name", "module"), [("router", pb), ("admin", admin)])
def test_every_definition_of_the_protos_has_a_comment(name: str, module: ModuleType) -> None:
    text = (PROTOS / f"{name}.proto").read_text(encoding="utf-8")
    lines = [line.strip() for line in text.splitlines()]
    bare = [
        f"{number + 1}: {line}"
        for number, line in enumerate(lines)
        if DEFINITION.match(line) and not lines[number - 1].startswith("//")
    ]
    messages = module.DESCRIPTOR.message_types_by_name
    defined = sum(bool(DEFINITION.match(line)) for line in lines)
    fields = sum(len(m.fields) for m in messages.values())
    assert defined >= fields + len(messages)
    assert bare == []


def public_definitions(path: Path) -> Iterator[tuple[str, str | None]]:
    """Return module, classes, functions and methods that are public, with their docstrings."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    yield "module", ast.get_docstring(tree)
    kinds = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
    for node in tree.body:
        if not isinstance(node, kinds) or node.name.startswith("_"):
            continue
        yield node.name, ast.get_docstring(node)
        for inner in node.body if isinstance(node, ast.ClassDef) else []:
            if isinstance(inner, kinds) and not inner.name.startswith("_"):
                yield f"{node.name}.{inner.name}", ast.get_docstring(inner)


def test_everything_public_has_a_docstring() -> None:
    bare = [
        f"{path.relative_to(ROOT)}: {name}"
        for path in PYTHON
        for name, docstring in public_definitions(path)
        if not docstring
    ]
    assert len(PYTHON) > 20
    assert bare == []
