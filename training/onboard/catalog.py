"""The catalog with one tier more: the lines to add, and a copy of the file that holds them.

The copy is made on the text, so comments stay; it is parsed again before anybody sees it.
"""

import json
import re
import tomllib
from pathlib import Path

from router.catalog import Catalog, load_catalog, parse_catalog
from router.cost.price import Price
from router.errors import CatalogError

_TIERS = re.compile(r"^[ \t]*\[\[[ \t]*tiers[ \t]*\]\]", re.MULTILINE)


def tier_lines(tier: str, model: str) -> str:
    """Return the TOML of a tier."""
    return f"[[tiers]]\nname = {_quoted(tier)}\nreference_model = {_quoted(model)}\n"


def deployment_lines(catalog: Catalog, tier: str, model: str, price: Price | None) -> str:
    """Return the TOML of a deployment of the new tier.

    What labels cannot tell (limits, capabilities, provider) is put at the least any deployment of
    the catalog has, and marked, so that the new one is never trusted with more than it can do.
    """
    limits = [one.capabilities for one in catalog.deployments]
    text = f"""[[deployments]]
id = {_quoted(model)}
tier = {_quoted(tier)}
model = {_quoted(model)}
# To check: labels do not tell these. Limits are the least in this catalog, capabilities are off.
kind = "api"
provider = "unknown"
context_window_tokens = {min(one.context_window_tokens for one in limits)}
max_output_tokens = {min(one.max_output_tokens for one in limits)}
"""
    if price is None:
        return (
            f"{text}# No price was given: it is not routable until [deployments.price] is here.\n"
        )
    return f"""{text}
[deployments.price]
input_usd_per_mtok = {price.input_usd_per_mtok}
output_usd_per_mtok = {price.output_usd_per_mtok}
as_of = {price.as_of.isoformat()}
source = {_quoted(price.source)}
"""


def merged_catalog(path: Path, tier: str, model: str, rank: int, price: Price | None) -> str:
    """Return the text of a catalog file with the tier at its rank and a deployment of it.

    Raises:
        CatalogError: the tier or the deployment's id is there already, or the file writes its tiers
            in another way than one ``[[tiers]]`` each; then the lines must be added by hand.
    """
    catalog = load_catalog(path)
    if tier in catalog.tier_names:
        raise CatalogError(
            f"{path}: tier {tier!r} is there already; give the new one another name with --tier",
            metadata={"file": str(path)},
        )
    if model in {one.id for one in catalog.deployments}:
        raise CatalogError(
            f"{path}: a deployment {model!r} is there already; rename it, then onboard the model",
            metadata={"file": str(path)},
        )
    text = path.read_text(encoding="utf-8")
    heads = [match.start() for match in _TIERS.finditer(text)]
    lines = tier_lines(tier, model)
    if rank < len(heads):
        at = _before_comments(text, heads[rank])
        text = f"{text[:at]}{lines}\n{text[at:]}"
        lines = ""
    else:
        lines += "\n"
    deployment = deployment_lines(catalog, tier, model, price)
    merged = f"{text.rstrip()}\n\n{lines}{deployment}"
    wanted = [*catalog.tier_names[:rank], tier, *catalog.tier_names[rank:]]
    try:
        found = list(parse_catalog(tomllib.loads(merged), str(path)).tier_names)
    except (tomllib.TOMLDecodeError, CatalogError):
        found = []
    if found != wanted:
        raise CatalogError(
            f"{path}: a tier cannot be put into this text, which does not write each tier under "
            f"[[tiers]]; wanted are the tiers {wanted}. Add these lines by hand:\n"
            f"{tier_lines(tier, model)}\n{deployment}",
            metadata={"file": str(path)},
        )
    return merged


def _before_comments(text: str, at: int) -> int:
    """Return the start of the comment lines right above a place."""
    while True:
        above = text[:at].rfind("\n", 0, at - 1) + 1 if at else 0
        if at == 0 or not text[above:at].lstrip().startswith("#"):
            return at
        at = above


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
