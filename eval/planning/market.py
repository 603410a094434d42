"""A catalog with a pool as the market of a simulation, and the pool as a model of itself."""

from dataclasses import replace

from eval.pools.autoscale import Autoscaler
from eval.pools.market import Market
from eval.pools.plant import PlantSpec
from eval.pools.run import Setting
from router.catalog import Catalog
from router.cost.pools.average import usd_per_hour
from router.cost.pools.pool import ColdStart, LoadSource, Pool
from router.cost.price import Price
from router.errors import CatalogError
from router.types import Deployment, Goal

# Of the model of continuous batching: share of a step that does not grow with who is in it, as in
# the study's pool, and places an engine gives out over those of the stated throughput.
_STEADY_SHARE = 0.8
_PLACES_OVER_STATED = 1.25


def own_deployment(catalog: Catalog, pool: str | None) -> tuple[Pool, Deployment]:
    """Return a pool of the catalog and the one deployment on it.

    Args:
        catalog: With pools.
        pool: By name; None if there is one only.

    Raises:
        CatalogError: there is no such pool, several to choose from, or not one deployment on it.
    """
    names = [one.name for one in catalog.pools]
    chosen = [one for one in catalog.pools if pool in (None, one.name)]
    if len(chosen) != 1:
        given = "no --pool" if pool is None else f"--pool {pool!r}"
        raise CatalogError(
            f"{given} given, the catalog {catalog.name!r} has the pools {names}: name one of them, "
            "or give a catalog with [[pools]], such as data/catalog.pools.toml"
        )
    own = [one for one in catalog.deployments if one.pool == chosen[0].name]
    if len(own) != 1:
        raise CatalogError(
            f"pool {chosen[0].name!r}: {len(own)} deployments are on it, a simulation needs one"
        )
    return chosen[0], own[0]


def market_of(catalog: Catalog, own: Deployment, goal: Goal) -> Market:
    """Return who may serve, in the catalog's order: one on a pool, and all paid by use.

    The list price is the deployment's own, else the cheapest API's of its tier, by the sum of its
    rates.

    Raises:
        CatalogError: there is no list price, nobody is paid by use, or the goal is a contract.
    """
    if goal.contract is not None:
        raise CatalogError(
            "the default goal is a contract; a simulation takes a quality target or a willingness "
            "to pay: give --quality-target or --willingness-to-pay"
        )
    rest = tuple(one for one in catalog.deployments if not one.pool and one.price is not None)
    if not rest:
        raise CatalogError(f"the catalog {catalog.name!r} has no deployment with a known price")
    same = [one.price for one in rest if one.tier == own.tier and one.price is not None]
    price = own.price or min(same, key=_rates, default=None)
    if price is None:
        raise CatalogError(
            f"deployment {own.id!r} has no price, and no other of tier {own.tier!r} has: state one "
            "in [deployments.price], for a router that goes by list prices"
        )
    deployments = tuple(one for one in catalog.deployments if one is own or one in rest)
    names = catalog.tier_names
    tiers = tuple(names.index(one.tier) for one in deployments)
    return Market(deployments, tiers, deployments.index(own), price, goal)


def setting_of(
    pool: Pool,
    market: Market,
    *,
    routers: int,
    autoscaler: Autoscaler | None,
    true_hit_rate: float,
    kv_tokens: float,
    margin_s: float = 0.0,
) -> Setting:
    """Return a pool as it is stated, with a model that is what is stated.

    Args:
        pool: Of the catalog; without a load that is read, one with the defaults is.
        market: Who may serve.
        routers: Processes that share the traffic.
        autoscaler: Of the pool; it then costs what runs, as one with a cold start does.
        true_hit_rate: Of providers' caches.
        kv_tokens: The KV cache of one replica holds; infinite if it never binds.
        margin_s: Of every deadline.
    """
    source = pool.load or LoadSource("vllm", ("http://simulated/metrics",))
    pool = replace(pool, load=replace(source, urls=source.urls[:1]))
    if autoscaler is not None and pool.cold_start is None:
        pool = replace(pool, cold_start=ColdStart(autoscaler.start_s, autoscaler.calm_s))
    rate, per_gpu = pool.throughput, pool.usd_per_gpu_hour * (1.0 - pool.discount)
    of_gpus = pool.gpus_per_replica * per_gpu
    spec = PlantSpec(
        replicas=pool.replicas,
        step_s=_STEADY_SHARE * rate.concurrency / rate.decode_tokens_per_s,
        step_per_request_s=(1.0 - _STEADY_SHARE) / rate.decode_tokens_per_s,
        prefill_share=rate.decode_tokens_per_s / rate.prefill_tokens_per_s,
        most_under_way=round(rate.concurrency * _PLACES_OVER_STATED),
        kv_tokens=kv_tokens,
        gpu_usd_per_hour=of_gpus,
        fixed_usd_per_hour=usd_per_hour(pool) - pool.replicas * of_gpus,
    )
    return Setting(
        pool=pool,
        spec=spec,
        routers=routers,
        interval_s=source.interval_s,
        late_s=source.late_s,
        market=market,
        autoscaler=autoscaler,
        true_hit_rate=true_hit_rate,
        margin_s=margin_s,
    )


def _rates(price: Price) -> float:
    return price.input_usd_per_mtok + price.output_usd_per_mtok
