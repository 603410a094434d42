"""From outcomes to an artifact: labels -> fit and choose -> export -> parity gate.

What ``make train`` does with it then, from contracts to promotion, is ``training.pipeline``;
cross-validation and studies build artifacts here too, which nobody promotes.
"""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from eval.arrays import StrArray
from eval.outcomes import OutcomeTable
from eval.split import PARTS, assign_split
from router.catalog import Catalog
from router.errors import TrainingError
from router.predict.encoder import TextEncoder
from router.predict.length_bounds import LengthBounds
from training.export import Provenance, sha256_of, write_artifact
from training.heads import Known, fit_heads
from training.labels import Examples, examples_of, rows_with_tiers
from training.length_bounds import TOO_FEW, counted_lengths, fit_length_bounds
from training.novelty import add_novelty, fit_novelty
from training.otherwise import own_conversations, training_pairs
from training.parity import GivesTokens, Parity, check_parity
from training.prior import join_examples, prior_examples, tiers_named
from training.settings import FRACTIONS, SHARED, Settings

Say = Callable[[str], None]


def fit_and_export(
    settings: Settings,
    catalog: Catalog,
    table: OutcomeTable,
    place: Path,
    tell: Say,
    parts: StrArray | None = None,
) -> tuple[Parity, dict[str, float], str]:
    """Fit heads, export them to ``place``, and check the exported graph.

    Args:
        settings: Seed, encoder, and which candidates are fitted.
        catalog: Tiers and their reference models.
        table: All outcomes.
        place: Artifact directory to write.
        tell: Told what happens.
        parts: Part of each row that has an outcome of every tier; by default the split of
            ``settings.seed``.

    Returns:
        How close graph and candidate are, every candidate's validation log loss, and which was
        chosen.

    Raises:
        TrainingError: too few examples or lengths, or the parity gate.
    """
    usable = rows_with_tiers(table, catalog)
    if parts is None:
        parts = assign_split(usable.group, settings.seed, FRACTIONS)
    counts = {part: int((parts == part).sum()) for part in PARTS}
    tell(f"{len(usable)} prompts with outcomes of {', '.join(catalog.tier_names)}: {counts}")
    examples = examples_of(usable, catalog, parts == PARTS[0])
    training, validation = (examples.select(parts == part) for part in PARTS[:2])
    prior = _prior(settings, catalog, tell)
    if prior is not None:
        training = join_examples(training, prior)
    width = table.vectors.shape[1], table.features.shape[1]
    held_out = usable.group[parts != PARTS[0]]
    pairs = None
    if settings.candidate == SHARED or settings.distil:
        pairs = training_pairs(
            own_conversations(None if prior is None else settings.prior),
            TextEncoder(settings.encoder),
            settings.seed,
            recorded=settings.otherwise,
            table=table,
            held_out=held_out,
            tell=tell,
        )
    known = Known(table, held_out, training, validation, prior, pairs)
    fitted = fit_heads(settings, catalog, known, tell)
    parity = check_parity(
        fitted.graph, fitted.adequacy, fitted.lengths, validation.inputs, width[0]
    )
    tell(f"parity gate passed: adequacy within {parity.adequacy_max:.1e} of what was fitted")
    bounds = _length_bounds(
        fitted.lengths,
        validation,
        usable.select(parts == PARTS[1]),
        catalog,
        tell,
    )
    heads = add_novelty(fitted.graph, fit_novelty(training, settings.seed))
    made = Provenance(
        candidate=fitted.candidate,
        distilled=fitted.distilled,
        seed=settings.seed,
        fractions=FRACTIONS,
        data_sha256=table.content_hash(),
        rows=counts,
        validation_log_loss=fitted.losses,
        sources=sorted(np.unique(usable.source).tolist()),
        prior_rows=0 if prior is None else len(prior),
        prior_sha256="" if prior is None or settings.prior is None else sha256_of(settings.prior),
        otherwise_rows=0 if pairs is None else len(pairs),
        length_bounds=bounds,
    )
    write_artifact(place, heads, settings.encoder, catalog, made)
    return parity, fitted.losses, fitted.candidate


def _length_bounds(
    heads: GivesTokens, validation: Examples, table: OutcomeTable, catalog: Catalog, tell: Say
) -> LengthBounds | None:
    """Fit upper output lengths to what the exported heads expect, if lengths enough are counted.

    ``table`` are the outcomes of the validation part, row by row.
    """
    recorded = counted_lengths(table.for_models([t.reference_model for t in catalog.tiers]))
    try:
        return fit_length_bounds(heads.tokens(validation.inputs), recorded, catalog.tier_names)
    except TrainingError as error:
        if error.reason != TOO_FEW:
            raise
        tell(f"no upper output lengths: {error.message}")
        return None


def _prior(settings: Settings, catalog: Catalog, tell: Say) -> Examples | None:
    """Return the prior's examples, if one is wanted and its bands name this catalog's tiers."""
    if settings.prior is None:
        return None
    strangers = tiers_named(settings.prior) - set(catalog.tier_names)
    if strangers:
        tell(
            f"prior left out: {settings.prior} names tiers {sorted(strangers)}, the catalog has "
            f"{list(catalog.tier_names)}"
        )
        return None
    examples = prior_examples(settings.prior, TextEncoder(settings.encoder), catalog.tier_names)
    tell(f"{len(examples)} training examples of the prior in {settings.prior}")
    return examples
