"""The straight line of ``make onboard``: labels of one new model to an artifact with a tier more.

labels -> what the known heads say of them -> ability and length -> how sure -> rank -> extended
graph, golden rows, manifest, catalog -> loaded as the server would. Each step lives in its own
module; nothing is fitted again but the few numbers of the profile.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from eval.arrays import FloatArray, StrArray
from eval.outcomes import OutcomeTable, require_inputs
from eval.split import PARTS, assign_split
from router.catalog import load_catalog
from router.cost.price import Price
from router.engine import build_engine
from router.errors import TrainingError
from router.predict.artifact import Artifact, load_artifact
from training.onboard.ability import FEWEST_LABELS, Ability, fit_ability, require_labels
from training.onboard.catalog import deployment_lines, merged_catalog, tier_lines
from training.onboard.certainty import Certainty, certainty
from training.onboard.lengths import LengthRatio, fit_length
from training.onboard.slot import Slot, find_slot
from training.onboard.write import Onboarding, write_onboarded

_LEAST_SURE = 5


@dataclass(frozen=True, slots=True)
class UnsurePrompt:
    """A label's prompt, P(adequate) there, and the profile's standard deviation of it."""

    prompt_id: str
    adequacy: float
    deviation: float


@dataclass(frozen=True, slots=True)
class Onboarded:
    """What an onboarding ended with.

    Attributes:
        artifact_version: Of the artifact that was written.
        ability: The profile.
        length: Its output lengths.
        certainty: How sure the profile is.
        slot: Rank, and why.
        least_sure: Labels the profile is least sure of, the least sure first.
        lines: TOML to add to a catalog.
        catalog: The merged catalog that was written.
        contract_dropped: Whether the artifact had a calibration of contracts, which does not hold
            for another set of tiers.
        length_bounds_dropped: Whether it had upper output lengths, for the same reason.
    """

    artifact_version: str
    ability: Ability
    length: LengthRatio
    certainty: Certainty
    slot: Slot
    least_sure: tuple[UnsurePrompt, ...]
    lines: str
    catalog: Path
    contract_dropped: bool
    length_bounds_dropped: bool


@dataclass(frozen=True, slots=True)
class Labels:
    """Outcomes of the new model on n prompts, and what the known heads say of these.

    Attributes:
        prompt_ids: (n,).
        groups: (n,) duplicate groups.
        adequate: (n,) 0 or 1.
        output_tokens: (n,) NaN where unknown.
        input_tokens: (n,).
        known: (n, T) adequacy of the known tiers.
        known_tokens: (n, T) their expected output tokens.
    """

    prompt_ids: StrArray
    groups: StrArray
    adequate: FloatArray
    output_tokens: FloatArray
    input_tokens: FloatArray
    known: FloatArray
    known_tokens: FloatArray


def read_labels(
    artifact: Artifact, table: OutcomeTable, model: str, fewest: int = FEWEST_LABELS
) -> Labels:
    """Return the prompts on which the new model was asked and that the heads have not seen.

    Of the very table the artifact was trained on, only the held-out part is taken: on prompts they
    were fitted to, heads are surer than on new ones.

    Raises:
        DataError: no outcomes of the model, or inputs of another encoder.
        TrainingError: too few labels are left.
    """
    manifest = artifact.manifest
    require_inputs(table, manifest.encoder_sha256)
    own = table.for_models([model])
    if table.content_hash() == manifest.data_sha256:
        low, middle, high = manifest.extra["split"]["fractions"]
        parts = assign_split(own.group, manifest.split_seed, (low, middle, high))
        own = own.select(parts == PARTS[2])
    require_labels(len(own), model, fewest)
    known, known_tokens = artifact.heads.run(own.vectors, own.features)
    return Labels(
        own.prompt_ids,
        own.group,
        (own.quality[:, 0] >= manifest.adequate_quality).astype(np.float64),
        own.output_tokens[:, 0].astype(np.float64),
        own.input_tokens,
        known.astype(np.float64),
        known_tokens.astype(np.float64),
    )


def onboard(
    artifact: Path,
    out: Path,
    table: OutcomeTable,
    catalog: Path,
    model: str,
    *,
    tier: str | None = None,
    price: Price | None = None,
    seed: int = 0,
) -> Onboarded:
    """Write a copy of an artifact that knows one tier more, and the catalog that goes with it.

    Args:
        artifact: Artifact directory; may be ``out`` itself.
        out: Directory that is replaced; the catalog is written beside it.
        table: Labels of the new model, on prompts the artifact has not seen.
        catalog: Catalog file of the known tiers.
        model: The new model, as the labels name it.
        tier: Name of its tier; the model's own name by default.
        price: Its list price; without one it is in the catalog, but not routable.
        seed: Of folds and resampling.

    Raises:
        RouterError: of the step that refused to go on; nothing is replaced then.
    """
    known_catalog = load_catalog(catalog)
    base = build_engine(load_artifact(artifact), known_catalog).artifact
    labels = read_labels(base, table, model)
    if len(np.unique(labels.groups)) < 2:
        raise TrainingError(
            "all labels are one duplicate group: check the column 'group' of the data"
        )
    name = tier or model
    ability = fit_ability(labels.known, labels.adequate)
    length = fit_length(labels.known_tokens, labels.output_tokens)
    sure = certainty(labels.known, labels.adequate, labels.groups, seed)
    expected = np.append(
        labels.known_tokens.mean(axis=0), length.tokens(labels.known_tokens).mean()
    )
    slot = find_slot(
        known_catalog,
        labels.adequate,
        labels.known,
        expected,
        float(labels.input_tokens.mean()),
        price,
    )
    text = merged_catalog(catalog, name, model, slot.rank, price)
    made = Onboarding(name, model, slot.rank, table.content_hash(), ability, length, sure)
    version, place = write_onboarded(base, out, made, text)
    return Onboarded(
        version,
        ability,
        length,
        sure,
        slot,
        _least_sure(labels, ability),
        f"{tier_lines(name, model)}\n{deployment_lines(known_catalog, name, model, price)}",
        place,
        base.promise is not None,
        base.length_bounds is not None,
    )


def _least_sure(labels: Labels, ability: Ability) -> tuple[UnsurePrompt, ...]:
    chance, spread = ability.adequacy(labels.known), ability.deviation(labels.known)
    rows = np.argsort(-spread, kind="stable")[:_LEAST_SURE].tolist()
    return tuple(
        UnsurePrompt(str(labels.prompt_ids[row]), float(chance[row]), float(spread[row]))
        for row in rows
    )
