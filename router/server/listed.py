"""The catalog as a wire message, with the age of its prices."""

from datetime import date

from router.catalog import Catalog
from router.cost.price import Price
from router.server.goal_wire import from_goal
from router.types import Deployment
from router.v1 import router_pb2 as pb


def from_catalog(catalog: Catalog, artifact_version: str, today: date) -> pb.ListTiersResponse:
    """Return the wire form of a catalog; ages of prices are counted up to ``today``."""
    return pb.ListTiersResponse(
        tiers=[
            pb.Tier(
                name=tier.name,
                rank=tier.rank,
                reference_model=tier.reference_model,
                deployments=[
                    _from_deployment(item, today, catalog.warn_after_days)
                    for item in catalog.deployments
                    if item.tier == tier.name
                ],
            )
            for tier in catalog.tiers
        ],
        default_goal=from_goal(catalog.default_goal),
        adequate_quality=catalog.adequate_quality,
        artifact_version=artifact_version,
        catalog_version=catalog.version,
    )


def _from_deployment(item: Deployment, today: date, warn_after_days: int) -> pb.Deployment:
    wire = pb.Deployment(
        id=item.id,
        kind=item.kind,
        provider=item.provider,
        model=item.model,
        context_window_tokens=item.capabilities.context_window_tokens,
        max_output_tokens=item.capabilities.max_output_tokens,
        tools=item.capabilities.tools,
        vision=item.capabilities.vision,
        json_schema=item.capabilities.json_schema,
        pool=item.pool,
        residency=sorted(item.capabilities.residency),
        third_party=item.capabilities.third_party,
        price_problem=item.price_problem,
    )
    if item.price is not None:
        _fill_price(wire, item.price, today, warn_after_days)
    elif item.retired_on is not None:
        wire.retires_on = item.retired_on.isoformat()
    if item.batch_price is not None:
        wire.batch_input_usd_per_mtok = item.batch_price.input_usd_per_mtok
        wire.batch_output_usd_per_mtok = item.batch_price.output_usd_per_mtok
    if item.flex_price is not None:
        wire.flex_input_usd_per_mtok = item.flex_price.input_usd_per_mtok
        wire.flex_output_usd_per_mtok = item.flex_price.output_usd_per_mtok
    return wire


def _fill_price(wire: pb.Deployment, price: Price, today: date, warn_after_days: int) -> None:
    wire.input_usd_per_mtok = price.input_usd_per_mtok
    wire.output_usd_per_mtok = price.output_usd_per_mtok
    wire.price_date = price.as_of.isoformat()
    wire.price_age_days = price.age_days(today)
    wire.price_is_old = price.age_days(today) > warn_after_days
    wire.usd_per_request = price.usd_per_request
    wire.retires_on = price.ends.isoformat() if price.ends is not None else ""
    for above, rates in price.bands:
        wire.price_bands.add(
            above_input_tokens=above,
            input_usd_per_mtok=rates.uncached_input,
            cache_read_usd_per_mtok=rates.cache_read,
            cache_write_5m_usd_per_mtok=rates.cache_write_5m,
            cache_write_1h_usd_per_mtok=rates.cache_write_1h,
            output_usd_per_mtok=rates.output,
            reasoning_usd_per_mtok=rates.reasoning,
        )


def price_warnings(catalog: Catalog, today: date) -> list[str]:
    """Return what an operator should know of the catalog's prices, one line each."""
    lines = [
        f"{item.id} is not routable: {item.price_problem}"
        for item in catalog.deployments
        if item.price is None and not item.pool
    ]
    lines += [
        f"{item.id} runs on a pool; the list price it names is not known: {item.price_problem}"
        for item in catalog.deployments
        if item.price is None and item.pool and item.price_problem
    ]
    lines += [
        f"the price of {item.id} is said to be read on {item.price.as_of}, which is yet to come"
        for item in catalog.deployments
        if item.price is not None and item.price.age_days(today) < -1  # a day here may be another
    ]
    lines += [
        f"the price of {item.id} holds until {item.price.ends} only"
        for item in catalog.deployments
        if item.price is not None
        and item.price.ends is not None
        and (item.price.ends - today).days <= catalog.warn_after_days
    ]
    priced = [(item.price.age_days(today), item.id) for item in catalog.deployments if item.price]
    old = [age_and_id for age_and_id in priced if age_and_id[0] > catalog.warn_after_days]
    if old:
        age, oldest = max(old)
        lines.append(
            f"{len(old)} of {len(priced)} prices were read more than {catalog.warn_after_days} "
            f"days ago, that of {oldest} {age} days ago: read them again "
            "('python -m router prices check')"
        )
    return lines
