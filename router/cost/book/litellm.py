"""Rows from a file in LiteLLM's format, ``model_prices_and_context_window.json``.

The format, as of 2026-11: a JSON object from model name to a flat object. Prices are floats in USD
per token, with suffixes for bands (``_above_200k_tokens``), modes and service tiers (``_batches``,
``_flex``, ``_priority``); ``tiered_pricing`` is a list of ranges. Read here are prices of text
tokens and of calls, and ``deprecation_date``; prices of audio, images, tools and storage are not.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from router.cost.book.rows import Mode, PriceClass, PriceRow, ServiceTier
from router.errors import PriceError

_MILLION = 1_000_000
_CLASSES = {
    "input_cost_per_token": PriceClass.INPUT,
    "cache_read_input_token_cost": PriceClass.CACHE_READ,
    "cache_creation_input_token_cost": PriceClass.CACHE_WRITE_5M,
    "cache_creation_input_token_cost_above_1hr": PriceClass.CACHE_WRITE_1H,
    "output_cost_per_token": PriceClass.OUTPUT,
    "output_cost_per_reasoning_token": PriceClass.REASONING,
}
_FIELD = re.compile(
    r"(?P<name>" + "|".join(sorted(_CLASSES, key=len, reverse=True)) + r")"
    r"(?:_above_(?P<thousands>\d+)k_tokens)?(?:_(?P<variant>batches|flex|priority))?"
)
_VARIANTS = {
    None: (Mode.SYNC, ServiceTier.STANDARD),
    "batches": (Mode.BATCH, ServiceTier.STANDARD),
    "flex": (Mode.SYNC, ServiceTier.FLEX),
    "priority": (Mode.SYNC, ServiceTier.PRIORITY),
}


def rows_from_litellm(path: Path, as_of: date, wanted: Callable[[str], bool]) -> list[PriceRow]:
    """Read the rows of wanted models; models without a price of input and output have none.

    Args:
        path: The file.
        as_of: The day its prices are of; the format does not say.
        wanted: Told "provider/model", whether to read it.

    Raises:
        PriceError: no such file, not in this format, or a price that is no number.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"), parse_float=Decimal)
    except (OSError, ValueError, RecursionError) as error:
        raise PriceError(
            f"{path}: cannot be read as JSON ({error}); give a file in the format of LiteLLM's "
            "model_prices_and_context_window.json",
            metadata={"file": str(path)},
        ) from error
    if not isinstance(content, dict) or not all(isinstance(v, dict) for v in content.values()):
        raise PriceError(
            f"{path}: must be a JSON object from model names to objects, as LiteLLM's "
            "model_prices_and_context_window.json is",
            metadata={"file": str(path)},
        )
    content.pop("sample_spec", None)  # tells the fields, no model
    rows: list[PriceRow] = []
    for name, fields in content.items():
        provider = str(fields.get("litellm_provider", "unknown"))
        model = name.removeprefix(f"{provider}/")
        if wanted(f"{provider}/{model}"):
            rows += _rows(path, provider, model, name, fields, as_of)
    return rows


def _rows(
    path: Path, provider: str, model: str, name: str, fields: Mapping[str, Any], as_of: date
) -> Iterator[PriceRow]:
    source, ends = f"{path.name}, {name}", _end(path, name, fields)

    def row(price_class: PriceClass, usd: object, field: str, **more: Any) -> PriceRow:
        if isinstance(usd, bool) or not isinstance(usd, int | Decimal) or usd < 0:
            raise PriceError(
                f"{path}: {name}.{field} = {usd!r}: must be a number of USD >= 0",
                metadata={"file": str(path), "key": f"{name}.{field}"},
            )
        million = Decimal(usd) * _MILLION
        return PriceRow(provider, model, price_class, million, as_of, source, valid_to=ends, **more)

    for field, usd in fields.items():
        if usd is None:
            continue
        if field == "input_cost_per_request":
            yield row(PriceClass.REQUEST, usd, field)
        elif field == "tiered_pricing":
            for above, tier in _tiers(path, name, usd):
                for inner in tier:
                    if inner in _CLASSES and tier[inner] is not None:
                        yield row(_CLASSES[inner], tier[inner], inner, above_input_tokens=above)
        elif match := _FIELD.fullmatch(field):
            mode, service_tier = _VARIANTS[match["variant"]]
            yield row(
                _CLASSES[match["name"]],
                usd,
                field,
                above_input_tokens=int(match["thousands"] or 0) * 1000,
                mode=mode,
                service_tier=service_tier,
            )


def _tiers(path: Path, name: str, tiers: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        for tier in tiers:
            if not _CLASSES.keys().isdisjoint(tier):  # searches have tiers of another kind
                above = int(tier["range"][0])
                if above < 0:
                    raise ValueError(f"{above} tokens")
                yield above, tier
    except (KeyError, IndexError, TypeError, ValueError, OverflowError) as error:
        raise PriceError(
            f"{path}: {name}.tiered_pricing: must be a list of objects with a range ({error!r})",
            metadata={"file": str(path), "key": f"{name}.tiered_pricing"},
        ) from error


def _end(path: Path, name: str, fields: Mapping[str, Any]) -> date | None:
    day = fields.get("deprecation_date")
    if not day:
        return None
    try:
        return date.fromisoformat(str(day))
    except ValueError as error:
        raise PriceError(
            f"{path}: {name}.deprecation_date = {day!r}: must be a day such as 2026-11-01",
            metadata={"file": str(path), "key": f"{name}.deprecation_date"},
        ) from error
