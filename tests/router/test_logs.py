"""Log records as text and as objects of JSON."""

import json
import logging
from collections.abc import Iterator

import pytest

from router.config import Config
from router.logs import set_up_logs


@pytest.fixture(autouse=True)
def root() -> Iterator[logging.Logger]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield root
    root.handlers[:], root.level = handlers, level


def test_a_record_is_one_line_of_json_with_the_worker_and_the_exception(
    capsys: pytest.CaptureFixture[str],
) -> None:
    set_up_logs(Config(log_format="json"), worker=3)
    try:
        raise ValueError("two\nlines")
    except ValueError:
        logging.getLogger("router.server").exception("it failed: %d", 7)
    logging.getLogger("router.server").debug("below the level")
    (line,) = capsys.readouterr().err.splitlines()
    content = json.loads(line)
    assert content.pop("exception").endswith("ValueError: two\nlines")
    assert content.pop("time").endswith("Z")
    assert content == {
        "level": "error", "logger": "router.server", "message": "it failed: 7", "worker": 3,
    }  # fmt: skip


@pytest.mark.parametrize(("worker", "said"), [(None, "WARNING"), (2, "worker 2 WARNING")])
def test_a_record_is_a_line_of_text_by_default(
    capsys: pytest.CaptureFixture[str], worker: int | None, said: str
) -> None:
    set_up_logs(Config(), worker)
    logging.getLogger("router.server").warning("look")
    assert capsys.readouterr().err.endswith(f"{said} router.server: look\n")
