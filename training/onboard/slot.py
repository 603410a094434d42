"""Where a new tier stands among the known ones: by mean quality, and by price where that ties."""

from dataclasses import dataclass

import numpy as np

from eval.arrays import FloatArray
from router.catalog import Catalog
from router.cost.estimate import expected_cost_usd
from router.cost.price import Price

_Z_95 = 1.96


@dataclass(frozen=True, slots=True)
class Slot:
    """The rank a new tier gets, and why; ``reasons`` has a sentence per known tier."""

    rank: int
    reasons: tuple[str, ...]


def find_slot(
    catalog: Catalog,
    adequate: FloatArray,
    known: FloatArray,
    output_tokens: FloatArray,
    input_tokens: float,
    price: Price | None,
) -> Slot:
    """Rank a new tier above every known tier it is better than.

    The new model's outcomes are compared with the known tiers' adequacy on the same prompts. Where
    the 95 % interval of the paired difference contains 0, the dearer one stands above; without a
    price the difference itself decides.

    Args:
        catalog: The T known tiers.
        adequate: (n,) 1.0 where the new model was adequate, else 0.0.
        known: (n, T) adequacy of the known tiers on the same prompts.
        output_tokens: (T + 1,) mean output tokens of the known tiers, then of the new one.
        input_tokens: Mean input tokens of a prompt.
        price: Of the new model; None where unknown.
    """
    gains = adequate[:, None] - known
    mean = gains.mean(axis=0)
    margin = _Z_95 * gains.std(axis=0) / np.sqrt(len(gains))
    bill = (
        None if price is None else expected_cost_usd(price, input_tokens, float(output_tokens[-1]))
    )
    above, reasons = 0, []
    for place, tier in enumerate(catalog.tiers):
        gain, wide = float(mean[place]), float(margin[place])
        theirs = _cheapest(catalog, tier.name, input_tokens, float(output_tokens[place]))
        is_above, why = gain > 0, "no price to decide by"
        if abs(gain) > wide:
            why = "clear"
        elif bill is not None and theirs is not None:
            is_above = bill > theirs
            why = f"cannot be told apart, so by price: ${bill:.6f} against ${theirs:.6f} a prompt"
        above += is_above
        word = "above" if is_above else "below"
        reasons.append(
            f"{word} {tier.name}: adequate more often by {gain:+.3f} "
            f"[{gain - wide:+.3f}, {gain + wide:+.3f}] ({why})"
        )
    return Slot(above, tuple(reasons))


def _cheapest(
    catalog: Catalog, tier: str, input_tokens: float, output_tokens: float
) -> float | None:
    bills = [
        expected_cost_usd(one.price, input_tokens, output_tokens)
        for one in catalog.deployments
        if one.tier == tier and one.price is not None
    ]
    return min(bills, default=None)
