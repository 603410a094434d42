"""What really happened on held-out prompts: per tier the quality, the tokens and the bill.

Here recorded outcomes meet a catalog's list prices, and choices become costs and qualities. Who
chooses (the artifact, a baseline) lives in ``eval.replay`` and ``eval.baselines``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from eval.arrays import FloatArray, IntArray
from eval.outcomes import OutcomeTable
from router.catalog import Catalog
from router.errors import CatalogError, DataError

Kind = Literal["artifact", "baseline", "peer", "bound"]
_TOKENS_PER_PRICE_UNIT = 1_000_000.0


@dataclass(frozen=True, slots=True)
class PriceList:
    """List prices of the deployments that have one.

    Attributes:
        deployment_ids: (d,) ids, in the catalog's order.
        tier_index: (d,) position of each deployment's tier.
        input_usd_per_mtok: (d,) USD per million input tokens.
        output_usd_per_mtok: (d,) USD per million output tokens.
    """

    deployment_ids: tuple[str, ...]
    tier_index: IntArray
    input_usd_per_mtok: FloatArray
    output_usd_per_mtok: FloatArray

    def deployment_cost_usd(
        self, input_tokens: FloatArray, output_tokens: FloatArray
    ) -> FloatArray:
        """Price every prompt on every deployment.

        Args:
            input_tokens: (n,) tokens.
            output_tokens: (n, tiers) tokens.

        Returns:
            (n, d) USD.
        """
        cost_usd: FloatArray = (
            input_tokens[:, None] * self.input_usd_per_mtok
            + output_tokens[:, self.tier_index] * self.output_usd_per_mtok
        ) / _TOKENS_PER_PRICE_UNIT
        return cost_usd

    def tier_cost_usd(self, input_tokens: FloatArray, output_tokens: FloatArray) -> FloatArray:
        """Price every prompt on the cheapest deployment of every tier: (n, tiers) USD."""
        by_deployment = self.deployment_cost_usd(input_tokens, output_tokens)
        return np.column_stack(
            [
                by_deployment[:, self.tier_index == tier].min(axis=1)
                for tier in range(output_tokens.shape[1])
            ]
        )


@dataclass(frozen=True, slots=True)
class Recorded:
    """Recorded outcomes of every tier's reference model on n prompts.

    Attributes:
        tiers: Names of the tiers, lowest first.
        quality: (n, tiers) in [0, 1].
        output_tokens: (n, tiers) tokens.
        cost_usd: (n, tiers) USD on the tier's cheapest deployment.
        deployment_cost_usd: (n, d) USD on each priced deployment.
        prices: The d deployments.
    """

    tiers: tuple[str, ...]
    quality: FloatArray
    output_tokens: FloatArray
    cost_usd: FloatArray
    deployment_cost_usd: FloatArray
    prices: PriceList


@dataclass(frozen=True, slots=True)
class Sweep:
    """What every prompt cost and scored at every setting of one router.

    Attributes:
        name: Identifier, such as ``task_mean``.
        title: For people.
        kind: ``artifact``, ``baseline``, ``peer`` (a published router of others) or ``bound``
            (nobody can do that without knowing answers).
        labels: One per setting.
        cost_usd: (n, settings) USD.
        quality: (n, settings) in [0, 1].
    """

    name: str
    title: str
    kind: Kind
    labels: tuple[str, ...]
    cost_usd: FloatArray
    quality: FloatArray


def price_list(catalog: Catalog) -> PriceList:
    """Collect the known prices of a catalog.

    Raises:
        CatalogError: A tier has no deployment with a known price.
    """
    names = catalog.tier_names
    priced = [(one, one.price) for one in catalog.deployments if one.price is not None]
    missing = [name for name in names if name not in {one.tier for one, _ in priced}]
    if missing:
        raise CatalogError(
            f"no deployment of tier {', '.join(missing)} has a price, so its cost cannot be "
            "evaluated: add a price to one of them in the catalog"
        )
    return PriceList(
        deployment_ids=tuple(one.id for one, _ in priced),
        tier_index=np.array([names.index(one.tier) for one, _ in priced], dtype=np.int64),
        input_usd_per_mtok=np.array([price.input_usd_per_mtok for _, price in priced]),
        output_usd_per_mtok=np.array([price.output_usd_per_mtok for _, price in priced]),
    )


def recorded_outcomes(table: OutcomeTable, catalog: Catalog) -> Recorded:
    """Price what was recorded.

    Args:
        table: Columns are exactly the tiers' reference models, in the order of the tiers, and every
            quality is known (``OutcomeTable.for_models``).
        catalog: Tiers and prices.

    Raises:
        DataError: Other columns, no rows, or an unknown number of tokens.
    """
    wanted = tuple(tier.reference_model for tier in catalog.tiers)
    if table.models != wanted or len(table) == 0:
        raise DataError(
            f"no prompt has outcomes of every tier's reference model ({', '.join(wanted)}): "
            "give data that have them, or name other reference models in the catalog"
        )
    input_tokens = table.input_tokens.astype(np.float64)
    output_tokens = table.output_tokens.astype(np.float64)
    unknown = np.isnan(output_tokens).any(axis=1) | np.isnan(input_tokens)
    if unknown.any():
        raise DataError(
            f"{int(unknown.sum())} of {len(table)} prompts lack token counts of a tier's reference "
            "model, so their cost is unknown: record tokens for them, or leave them out",
            problems=[f"{one}: tokens unknown" for one in table.prompt_ids[unknown][:20]],
        )
    prices = price_list(catalog)
    return Recorded(
        tiers=catalog.tier_names,
        quality=table.quality.astype(np.float64),
        output_tokens=output_tokens,
        cost_usd=prices.tier_cost_usd(input_tokens, output_tokens),
        deployment_cost_usd=prices.deployment_cost_usd(input_tokens, output_tokens),
        prices=prices,
    )


def sweep_of_tiers(
    recorded: Recorded,
    choices: NDArray[np.integer],
    labels: Sequence[str],
    *,
    name: str,
    title: str,
    kind: Kind,
) -> Sweep:
    """Look up what choices of tiers would have cost and scored.

    Args:
        recorded: The truth on n prompts.
        choices: (n, settings) positions of tiers.
        labels: One per setting.
        name: Identifier of the router.
        title: The same for people.
        kind: What sort of router.
    """
    return Sweep(
        name=name,
        title=title,
        kind=kind,
        labels=tuple(labels),
        cost_usd=np.take_along_axis(recorded.cost_usd, choices, axis=1),
        quality=np.take_along_axis(recorded.quality, choices, axis=1),
    )
