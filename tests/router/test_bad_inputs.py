"""Every row of the table of bad inputs is provoked, and docs/errors.md says the same."""

from pathlib import Path

import grpc
import pytest
from bad_artifacts import ARTIFACTS
from bad_data import DATA_FILES
from bad_deferred import DEADLINES, DEFERRED_CATALOGS, JOBS
from bad_inputs import BadFile, BadRequest, markdown, matches
from bad_otlp import OTLP
from bad_plans import PLANS
from bad_pools import POOLS
from bad_prices import PRICES
from bad_requests import CONFLICT
from bad_requests import REQUESTS as OF_OTHER_METHODS
from bad_reviews import REVIEW
from bad_security import SECURITY
from bad_settings import CATALOGS, CONFIGS, STORES
from google.rpc import error_details_pb2
from grpc_status import rpc_status

from router.errors import RouterError
from router.v1 import router_pb2 as pb

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "errors.md"
REQUESTS = [*OF_OTHER_METHODS, *DEADLINES, *REVIEW]
SECTIONS = [
    ("Requests", REQUESTS),
    ("Catalogs", CATALOGS + POOLS + DEFERRED_CATALOGS),
    ("Prices and usage", PRICES),
    ("Deferred jobs", JOBS),
    ("Configuration", CONFIGS + OTLP),
    ("TLS, API keys and exposure", SECURITY),
    ("Outcome store", STORES),
    ("Artifacts", ARTIFACTS),
    ("Data files", DATA_FILES),
    ("Planning", PLANS),
]
FILES = [row for _, rows in SECTIONS[1:] for row in rows]
SERVICE = "/router.v1.RouterService/"


def failed_call(channel: grpc.Channel, row: BadRequest) -> grpc.RpcError:
    method = row.method or row.request.DESCRIPTOR.name.removesuffix("Request")
    data = row.request if isinstance(row.request, bytes) else row.request.SerializeToString()
    with pytest.raises(grpc.RpcError) as caught:
        channel.unary_unary(SERVICE + method)(data)
    return caught.value


@pytest.mark.parametrize("row", REQUESTS, ids=lambda row: row.given)
def test_a_bad_request_is_refused_with_its_code_reason_field_and_text(
    channel: grpc.Channel, row: BadRequest
) -> None:
    if row is CONFLICT:
        first = pb.RecordOutcomeRequest(decision_id="d", request_id="bad", quality=0.5)
        channel.unary_unary(SERVICE + "RecordOutcome")(first.SerializeToString())
    error = failed_call(channel, row)
    assert error.code().name == row.code
    assert matches(row.message, error.details()), error.details()
    status = rpc_status.from_call(error)
    if not row.reason:
        assert status is None
        return
    info, *rest = status.details
    error_info = error_details_pb2.ErrorInfo()
    assert info.Unpack(error_info)
    assert (error_info.reason, error_info.domain) == (row.reason, "router.v1")
    assert len(rest) == bool(row.field)
    if row.field:
        bad_request = error_details_pb2.BadRequest()
        assert rest[0].Unpack(bad_request)
        (violation,) = bad_request.field_violations
        assert violation.field == row.field
        assert row.message.startswith(f"{row.field}: ")
        if "…" not in row.message:
            assert row.message == f"{violation.field}: {violation.description}"


@pytest.mark.parametrize("row", FILES, ids=lambda row: row.given)
def test_a_bad_file_or_setting_is_refused_with_its_class_reason_and_text(
    tiny_artifact: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, row: BadFile
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RouterError) as caught:
        row.make(tiny_artifact)
    assert type(caught.value) is row.error
    assert caught.value.reason == row.reason
    assert matches(row.message, str(caught.value)), str(caught.value)


def test_no_two_rows_of_a_section_are_about_the_same_input() -> None:
    for _, rows in SECTIONS:
        assert len({row.given for row in rows}) == len(rows)
    assert sum(len(rows) for _, rows in SECTIONS) >= 25


def test_the_page_of_errors_is_what_the_table_gives(request: pytest.FixtureRequest) -> None:
    page = markdown(SECTIONS)
    if request.config.getoption("--update-docs"):
        PAGE.write_text(page, encoding="utf-8")
    assert PAGE.read_text(encoding="utf-8") == page, "run pytest with --update-docs"
