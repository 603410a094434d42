"""Tiers and deployments: who may serve, at what list price, with which capabilities.

A catalog is a TOML file. Here it is read, checked and turned into frozen records; every error
names the file and the key. Which deployment is chosen is ``router.engine`` and ``router.policy``.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any, cast

from router.checked import CheckedTable
from router.cost.pools.pool import Pool
from router.cost.pools.stated import stated_pool_name, stated_pools
from router.cost.price import PromptCache
from router.cost.stated import (
    DEFAULT_WARN_AFTER_DAYS,
    STATED_KEYS,
    PriceFiles,
    price_files,
    stated_price,
)
from router.cost.vocabulary_files import vocabulary_hash
from router.deferred.stated import stated_batch_file, stated_completion, stated_deadlines
from router.deferred.ways import NO_DEFAULTS, DeadlineDefaults
from router.errors import CatalogError
from router.types import (
    DEFAULT_CONFIDENCE,
    Capabilities,
    Contract,
    Deployment,
    DeploymentKind,
    Goal,
    Tier,
)

CATALOG_FORMAT = 1
_TOP_KEYS = {
    "format", "name", "adequate_quality", "default_goal", "tiers", "deployments", "prices", "pools",
    "deadlines",
}  # fmt: skip
_TIER_KEYS = {"name", "reference_model"}
_DEPLOYMENT_KEYS = {
    "id", "tier", "kind", "provider", "model", "context_window_tokens", "max_output_tokens",
    "tools", "vision", "json_schema", "residency", "third_party", "tokenizer",
    "prompt_cache", "pool", "completion", "batch_file", *STATED_KEYS,
}  # fmt: skip
_GOAL_KEYS = {"quality_target", "willingness_to_pay_usd", "max_cost_usd", "contract"}
_CACHE_KEYS = {"ttl_seconds", "min_tokens", "hit_rate"}
_CONTRACT_KEYS = {"max_loss_rate", "confidence", "per_topic"}
_KINDS = ("api", "gpu")


@dataclass(frozen=True, slots=True)
class Catalog:
    """A checked catalog. ``tiers`` are ordered from the lowest; every tier has a deployment.

    ``adequate_quality`` in (0, 1]: an answer of at least that quality counts as adequate.
    ``version``: the first 12 hex digits of a hash of content, looked-up prices and vocabularies.
    A price read more than ``warn_after_days`` ago is worth a warning. ``deadlines`` is what
    holds of requests that say when the answer is needed.
    """

    name: str
    version: str
    tiers: tuple[Tier, ...]
    deployments: tuple[Deployment, ...]
    default_goal: Goal
    adequate_quality: float
    warn_after_days: int = DEFAULT_WARN_AFTER_DAYS
    price_files: tuple[Path, ...] = ()
    pools: tuple[Pool, ...] = ()
    deadlines: DeadlineDefaults = NO_DEFAULTS

    @property
    def tier_names(self) -> tuple[str, ...]:
        """Names of the tiers, lowest first."""
        return tuple(tier.name for tier in self.tiers)


def load_catalog(path: Path, day: date | None = None) -> Catalog:
    """Read and check a catalog file.

    Args:
        path: The file; files it names are looked for beside it.
        day: The day prices of a price book are looked up for; today (UTC) by default.

    Raises:
        PriceError: a price file is missing or refused.
        CatalogError: missing, not TOML (with the line), an unknown key, a missing key, a wrong
            type, a value out of range, or a reference to a tier that is not there.
    """
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise CatalogError(
            f"{path}: there is no such catalog; give an existing file, for example "
            "data/catalog.toml",
            metadata={"file": str(path)},
        ) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError) as error:
        raise CatalogError(
            f"{path}: not readable as TOML: {error}", metadata={"file": str(path)}
        ) from error
    return parse_catalog(content, str(path), path.parent, day)


def parse_catalog(
    content: Mapping[str, Any],
    origin: str,
    directory: Path | None = None,
    day: date | None = None,
) -> Catalog:
    """Check the content of a catalog. Raises as ``load_catalog``.

    Args:
        content: As TOML gives it.
        origin: Named in errors.
        directory: Where files it names are looked for; the working directory by default.
        day: As in ``load_catalog``.
    """
    top = CheckedTable(content, origin, "", CatalogError)
    top.refuse_unknown(_TOP_KEYS)
    if top.integer("format", 1, 1_000) != CATALOG_FORMAT:
        raise top.error("format", content["format"], f"this release reads format {CATALOG_FORMAT}")
    tiers = tuple(
        Tier(table.text("name"), rank, table.text("reference_model"))
        for rank, table in enumerate(top.tables("tiers", _TIER_KEYS))
    )
    names = [tier.name for tier in tiers]
    top.refuse_repeated("tiers", "name", names)
    directory = directory or Path()
    prices = price_files(top, directory, day or datetime.now(UTC).date())
    pools = stated_pools(top)
    deployments = tuple(
        _deployment(table, names, prices, directory, pools)
        for table in top.tables("deployments", _DEPLOYMENT_KEYS)
    )
    top.refuse_repeated("deployments", "id", [deployment.id for deployment in deployments])
    served = {deployment.tier for deployment in deployments}
    for name in names:
        if name not in served:
            raise top.error("deployments", sorted(served), f"tier {name!r} has no deployment")
    return Catalog(
        name=top.text("name"),
        version=_version(
            content, deployments if prices.book is not None else (), vocabulary_hash(deployments)
        ),
        tiers=tiers,
        deployments=deployments,
        default_goal=_goal(top.table("default_goal", _GOAL_KEYS)),
        adequate_quality=top.number("adequate_quality", above=0.0, most=1.0),
        warn_after_days=prices.warn_after_days,
        price_files=prices.paths,
        pools=pools,
        deadlines=stated_deadlines(top),
    )


def _version(content: Mapping[str, Any], looked_up: Sequence[Deployment], vocabularies: str) -> str:
    canonical = json.dumps(content, sort_keys=True, default=str, ensure_ascii=False)
    canonical += "".join(f"{item.price!r}{item.batch_price!r}" for item in looked_up)
    canonical += vocabularies
    canonical += "".join(f"{item.flex_price!r}" for item in looked_up if item.flex_price)
    return hashlib.sha256(canonical.encode()).hexdigest()[:12]


def _goal(table: CheckedTable) -> Goal:
    goal = Goal(
        quality_target=table.optional_number("quality_target", least=0.0, most=1.0),
        willingness_to_pay_usd=table.optional_number("willingness_to_pay_usd", above=0.0),
        max_cost_usd=table.optional_number("max_cost_usd", above=0.0),
        contract=_contract(table),
    )
    if goal.rules() != 1:
        raise table.error(
            "quality_target",
            goal.quality_target,
            "exactly one of quality_target, willingness_to_pay_usd and contract must be set",
        )
    return goal


def _contract(table: CheckedTable) -> Contract | None:
    if "contract" not in table.content:
        return None
    inner = table.table("contract", _CONTRACT_KEYS)
    confidence = inner.optional_number("confidence", above=0.0, below=1.0)
    return Contract(
        max_loss_rate=inner.number("max_loss_rate", above=0.0, below=1.0),
        confidence=DEFAULT_CONFIDENCE if confidence is None else confidence,
        per_topic=inner.flag("per_topic"),
    )


def _deployment(
    table: CheckedTable,
    tiers: list[str],
    prices: PriceFiles,
    directory: Path,
    pools: tuple[Pool, ...],
) -> Deployment:
    kind, tier = table.text("kind"), table.text("tier")
    if kind not in _KINDS:
        raise table.error("kind", kind, f"must be one of {list(_KINDS)}")
    if tier not in tiers:
        raise table.error("tier", tier, f"must name one of the tiers {tiers}")
    stated, pool = stated_price(table, prices), stated_pool_name(table, kind, pools)
    is_own = pool and "price_key" not in table.content  # of one's own needs no list price
    return Deployment(
        id=table.text("id"),
        tier=tier,
        kind=cast("DeploymentKind", kind),
        provider=table.text("provider"),
        model=table.text("model"),
        capabilities=Capabilities(
            context_window_tokens=table.integer("context_window_tokens", 1, 100_000_000),
            max_output_tokens=table.integer("max_output_tokens", 1, 100_000_000),
            tools=table.flag("tools"),
            vision=table.flag("vision"),
            json_schema=table.flag("json_schema"),
            residency=table.texts("residency"),
            third_party=table.flag("third_party")
            if "third_party" in table.content
            else kind == "api",
        ),
        price=stated.price,
        batch_price=stated.batch_price,
        price_problem="" if is_own else stated.problem,
        retired_on=stated.retired_on,
        tokenizer=directory / table.text("tokenizer") if "tokenizer" in table.content else None,
        prompt_cache=_prompt_cache(table) if "prompt_cache" in table.content else None,
        pool=pool,
        flex_price=stated.flex_price,
        completion=stated_completion(table),
        batch_file=stated_batch_file(table),
    )


def _prompt_cache(table: CheckedTable) -> PromptCache:
    inner = table.table("prompt_cache", _CACHE_KEYS)
    return PromptCache(
        ttl_seconds=inner.number("ttl_seconds", above=0.0),
        min_tokens=inner.integer("min_tokens", 0, 100_000_000),
        hit_rate=inner.number("hit_rate", least=0.0, most=1.0),
    )
