"""The prompts of the onboarding curve: known tiers' predictions that have not seen the prompt."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.outcomes import OutcomeTable
from eval.recorded import PriceList, Recorded, price_list
from eval.split import PARTS, assign_split
from router.catalog import Catalog
from router.predict.artifact import Artifact
from training.onboard.models import PRICES_USD_PER_MTOK
from training.onboard.rivals import Prompts, clusters_of
from training.onboard.trial import Ground, NewModel
from training.settings import Settings
from training.unseen import unseen_heads

FOLDS = 3
_HALVES = (0.5, 0.5, 0.0)
_ELSEWHERE_PROMPTS = 4000


def ground_of_known(
    settings: Settings, catalog: Catalog, usable: OutcomeTable, say: Callable[[str], None]
) -> Ground:
    """Return prompts like those the artifact is trained on; every model but the tiers' is new."""
    heads = unseen_heads(settings, catalog, usable, FOLDS, say)
    return _ground(usable, heads.adequacy, heads.output_tokens, heads.fold, settings.seed)


def ground_elsewhere(artifact: Artifact, table: OutcomeTable, seed: int) -> Ground:
    """Return prompts the artifact was not trained on, as one fold."""
    adequacy, tokens = artifact.heads.run(table.vectors, table.features)
    fold = np.zeros(len(table), dtype=np.int64)
    return _ground(table, adequacy.astype(np.float64), tokens.astype(np.float64), fold, seed)


def some_prompts(table: OutcomeTable, seed: int) -> OutcomeTable:
    """Return at most ``_ELSEWHERE_PROMPTS`` rows, drawn at random."""
    count = min(len(table), _ELSEWHERE_PROMPTS)
    return table.select(np.random.default_rng(seed).permutation(len(table))[:count])


def new_model(table: OutcomeTable, name: str, adequate_quality: float) -> NewModel:
    """Return the outcomes of one model of a table."""
    at = table.models.index(name)
    quality = table.quality[:, at].astype(np.float64)
    adequate = np.where(np.isnan(quality), np.nan, (quality >= adequate_quality) * 1.0)
    return NewModel(adequate, table.output_tokens[:, at].astype(np.float64))


@dataclass(frozen=True, slots=True)
class TierSet:
    """The known tiers, and with a new model, on the rows where it was asked."""

    known: Recorded
    extended: Recorded
    input_tokens: FloatArray

    def cost_usd(self, output_tokens: FloatArray) -> FloatArray:
        """Return the cost (n, T + 1) of expected output tokens (n, T + 1)."""
        return self.extended.prices.tier_cost_usd(self.input_tokens, output_tokens)


def tier_set(catalog: Catalog, table: OutcomeTable, name: str) -> TierSet:
    """Price what happened on the known tiers and on a new model.

    Args:
        catalog: Known tiers and prices.
        table: Rows on which the model and every tier were asked.
        name: The new model; its price is in ``training.onboard.models``.
    """
    tiers = [tier.reference_model for tier in catalog.tiers]
    both = table.for_models([*tiers, name])
    prices = price_list(catalog)
    dear_in, dear_out = PRICES_USD_PER_MTOK[name]
    more = PriceList(
        (*prices.deployment_ids, name),
        np.append(prices.tier_index, len(tiers)),
        np.append(prices.input_usd_per_mtok, dear_in),
        np.append(prices.output_usd_per_mtok, dear_out),
    )
    return TierSet(
        _recorded(catalog.tier_names, both, len(tiers), prices),
        _recorded((*catalog.tier_names, name), both, len(tiers) + 1, more),
        both.input_tokens,
    )


def _recorded(
    names: tuple[str, ...], table: OutcomeTable, columns: int, prices: PriceList
) -> Recorded:
    tokens = table.output_tokens[:, :columns].astype(np.float64)
    return Recorded(
        tiers=names,
        quality=table.quality[:, :columns].astype(np.float64),
        output_tokens=tokens,
        cost_usd=prices.tier_cost_usd(table.input_tokens, tokens),
        deployment_cost_usd=prices.deployment_cost_usd(table.input_tokens, tokens),
        prices=prices,
    )


def _ground(
    table: OutcomeTable, adequacy: FloatArray, tokens: FloatArray, fold: IntArray, seed: int
) -> Ground:
    spread = table.features.std(axis=0)
    features = (table.features - table.features.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    prompts = Prompts(adequacy, clusters_of(table.vectors, seed), features.astype(np.float64))
    half = assign_split(table.group, seed + 5, _HALVES) == PARTS[0]
    return Ground(prompts, tokens, fold, half, table.group)
