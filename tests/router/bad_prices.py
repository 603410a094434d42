"""Bad price files, tables that prices are imported from, and reported usage."""

import json
from collections.abc import Callable
from datetime import date
from math import inf
from pathlib import Path
from typing import Any

from bad_inputs import BadFile

from router.cost.book.lines import load_book
from router.cost.book.litellm import rows_from_litellm
from router.cost.usage_shapes import UsageShape, read_usage
from router.errors import PriceError, UsageError

ROW = {
    "provider": "acme",
    "model": "big",
    "class": "input",
    "usd_per_million": "2",
    "as_of": "2026-11-01",
    "source": "a list",
}


def line(**fields: object) -> Callable[[Path], object]:
    """Load a price file of one row with some fields changed; None removes one."""
    row = {key: value for key, value in (ROW | fields).items() if value is not None}
    return text(json.dumps(row))


def text(content: str) -> Callable[[Path], object]:
    """Load a price file of this text."""

    def load(_: Path) -> object:
        Path("prices.jsonl").write_text(content + "\n", encoding="utf-8")
        return load_book([Path("prices.jsonl")])

    return load


def table(content: Any) -> Callable[[Path], object]:
    """Read a table in LiteLLM's format."""

    def load(_: Path) -> object:
        Path("table.json").write_text(json.dumps(content), encoding="utf-8")
        return rows_from_litellm(Path("table.json"), date(2026, 11, 12), lambda _: True)

    return load


def bad_price(given: str, make: Callable[[Path], object], message: str) -> BadFile:
    return BadFile(given, make, PriceError, "PRICES_INVALID", message)


def bad_usage(given: str, shape: UsageShape, usage: dict[str, Any], message: str) -> BadFile:
    return BadFile(given, lambda _: read_usage(shape, usage), UsageError, "USAGE_INVALID", message)


PRICES = [
    bad_price(
        "a price file that is not there",
        lambda _: load_book([Path("prices.jsonl")]),
        "prices.jsonl: cannot be read as a price file ([Errno 2] No such file or directory: "
        "'prices.jsonl'); give a file that 'python -m router prices import' wrote",
    ),
    bad_price(
        "a line that is not JSON",
        text("provider = acme"),
        "prices.jsonl:1: not a line of JSON (…)",
    ),
    bad_price(
        "a line that is nested beyond measure",
        text("[" * 100_000),
        "prices.jsonl:1: not a line of JSON (…)",
    ),
    bad_price(
        "a line with a number of thousands of digits",
        text(f'{{"usd_per_million": {"1" * 5_000}}}'),
        "prices.jsonl:1: not a line of JSON (…)",
    ),
    bad_price(
        "a price with a key that is not known",
        line(modell="big"),
        "prices.jsonl:1: modell = 'big': unknown key; known keys: ['above_input_tokens', 'as_of', "
        "'class', 'mode', 'model', 'provider', 'service_tier', 'source', 'usd_per_million', "
        "'valid_from', 'valid_to']",
    ),
    bad_price(
        "a class of tokens that is not known",
        line(**{"class": "thinking"}),
        "prices.jsonl:1: class = 'thinking': must be one of ['input', 'cache_read', "
        "'cache_write_5m', 'cache_write_1h', 'output', 'reasoning', 'request']",
    ),
    bad_price(
        "a price below zero",
        line(usd_per_million="-2"),
        "prices.jsonl:1: usd_per_million = '-2': must be a finite number of USD >= 0",
    ),
    bad_price(
        "a price that no float holds",
        line(usd_per_million="1e400"),
        "prices.jsonl:1: usd_per_million = '1e400': must be a finite number of USD >= 0",
    ),
    bad_price(
        "a price that is no number, loudly",
        line(usd_per_million="sNaN"),
        "prices.jsonl:1: usd_per_million = 'sNaN': must be a finite number of USD >= 0",
    ),
    bad_price(
        "a fee of a call with a band",
        line(**{"class": "request", "above_input_tokens": 1000}),
        "prices.jsonl:1: above_input_tokens = 1000: a fee of a call has no bands; leave it out",
    ),
    bad_price(
        "a price without its day",
        line(as_of=None),
        "prices.jsonl:1: as_of = None: missing; it must be given",
    ),
    bad_price(
        "a price that ends before it begins",
        line(valid_from="2026-11-02", valid_to="2026-11-01"),
        "prices.jsonl:1: valid_to = '2026-11-01': must be after 2026-11-02",
    ),
    bad_price(
        "a table that is a list",
        table([]),
        "table.json: must be a JSON object from model names to objects, as LiteLLM's "
        "model_prices_and_context_window.json is",
    ),
    bad_price(
        "a table with a price in words",
        table({"big": {"litellm_provider": "acme", "input_cost_per_token": "two"}}),
        "table.json: big.input_cost_per_token = 'two': must be a number of USD >= 0",
    ),
    bad_price(
        "a table with a range below zero",
        table({"big": {"tiered_pricing": [{"range": [-5, 3], "input_cost_per_token": 1e-6}]}}),
        "table.json: big.tiered_pricing: must be a list of objects with a range "
        "(ValueError('-5 tokens'))",
    ),
    bad_price(
        "a table with a range without end",
        table({"big": {"tiered_pricing": [{"range": [inf, inf], "input_cost_per_token": 1e-6}]}}),
        "table.json: big.tiered_pricing: must be a list of objects with a range (…)",
    ),
    bad_usage(
        "usage that is no object",
        UsageShape.OPENAI,
        [],  # type: ignore[arg-type]
        "usage: [] given, must be an object",
    ),
    bad_usage(
        "usage with details that are no list",
        UsageShape.GEMINI,
        {"promptTokensDetails": 5},
        "promptTokensDetails: 5 given, must be a list of objects",
    ),
    bad_usage(
        "usage with more cached tokens than tokens",
        UsageShape.OPENAI,
        {
            "prompt_tokens": 3,
            "completion_tokens": 1,
            "prompt_tokens_details": {"cached_tokens": 4},
        },
        "prompt_tokens: 3 given, which is less than the 4 that are part of it",
    ),
    bad_usage(
        "usage without its output",
        UsageShape.ANTHROPIC,
        {"input_tokens": 3},
        "output_tokens: None given, must be a whole number >= 0",
    ),
]
