"""What ``make onboard`` prints: the profile, how sure it is, the rank, and the lines to add."""

import math
from pathlib import Path

from eval.cells import signed, with_interval
from router.catalog import Catalog
from training.onboard.line import Onboarded


def report(done: Onboarded, catalog: Catalog, tier: str, out: Path) -> str:
    """Return the report; ``catalog`` is the one of the known tiers."""
    sure, ability, length = done.certainty, done.ability, done.length
    weights = ", ".join(
        f"{weight:.2f} {name}"
        for name, weight in zip(catalog.tier_names, ability.weights.tolist(), strict=True)
    )
    typical = math.exp(length.log_error)
    nearest = catalog.tier_names[length.tier]
    noise = f"{sure.ece_if_calibrated:.3f} would be there with exact probabilities"
    blind = "" if sure.gain_over_mean.low > 0 else ": NOT shown to tell prompts apart"
    unsure = [
        f"{one.prompt_id} ({one.adequacy:.2f} +- {one.deviation:.2f})" for one in done.least_sure
    ]
    facts = {
        "labels": f"{ability.labels}, {length.labels} of them with output tokens",
        "adequate": with_interval(sure.mean_adequacy),
        "profile": f"weights {weights}; bias {ability.bias:+.2f}",
        "length": f"{length.ratio:.2f} times {nearest}; typically off by a factor of {typical:.2f}",
        "calibration": f"error {with_interval(sure.ece)}, of which {noise}",
        "worth": f"{signed(sure.gain_over_mean)} nats against the plain mean{blind}",
        "rank": f"{done.slot.rank} of 0 to {len(catalog.tiers)}",
        **dict(zip((f"- {name}" for name in catalog.tier_names), done.slot.reasons, strict=True)),
        "least sure": ", ".join(unsure),
        "artifact": f"{done.artifact_version} written to {out}",
        "catalog": f"{done.catalog}, with these lines added:",
    }
    lines = [*(f"{name:<13} {fact}" for name, fact in facts.items()), "", done.lines]
    if done.contract_dropped:
        lines.append(
            f"Contracts: tier {tier} was not in the calibration, so the new artifact has none. Run "
            "'make calibrate' on prompts with outcomes of every tier."
        )
    if done.length_bounds_dropped:
        lines.append(
            f"Upper output lengths: there are none for tier {tier}, so the new artifact has none. "
            "'make train' fits them."
        )
    return "\n".join(lines)
