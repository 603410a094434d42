"""Fitting heads: the shared network, or a candidate of boosters that is then distilled.

Both end as a graph with what it was made from. What is done with that is ``training.build``.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx

from eval.arrays import StrArray
from eval.outcomes import OutcomeTable
from router.catalog import Catalog
from router.errors import TrainingError
from training.candidates import CANDIDATES, Choice, fit_and_choose, log_loss
from training.graph import build_heads
from training.labels import Examples, Float32Matrix
from training.lengths import Lengths, fit_lengths
from training.otherwise import Pairs
from training.parity import GivesAdequacy, GivesTokens
from training.settings import ALL, SHARED, Settings
from training.shared_graph import build_shared_heads
from training.shared_heads import fit_shared_heads
from training.shared_rows import outcomes_outside
from training.student import TOLERANCE, distil
from training.student_graph import build_student_heads

TEACHER = "stack mixture"
"""The candidate whose answers the shared network settles on beside its own."""

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Known:
    """What may be learnt from.

    Attributes:
        table: Outcomes of all sources.
        held_out: Duplicate groups of the other parts, whose rows of the table are left out.
        training: Training part, the prior's examples last.
        validation: Validation part.
        prior: The prior's examples alone; None without a prior.
        pairs: Prompts as they are and written otherwise; None where nothing learns from them.
    """

    table: OutcomeTable
    held_out: StrArray
    training: Examples
    validation: Examples
    prior: Examples | None
    pairs: Pairs | None


@dataclass(frozen=True, slots=True)
class FittedHeads:
    """Heads as a graph, and what it must give.

    Attributes:
        graph: Of ``vector`` and ``features`` to ``adequacy`` and ``output_tokens``.
        adequacy: Gives adequacy as fitted.
        lengths: Gives output tokens as fitted.
        losses: Validation log loss by name, nats.
        candidate: Name of what was fitted, or chosen among several.
        distilled: Whether the graph is of a student of candidates.
    """

    graph: onnx.ModelProto
    adequacy: GivesAdequacy
    lengths: GivesTokens
    losses: dict[str, float]
    candidate: str
    distilled: bool


def fit_heads(settings: Settings, catalog: Catalog, known: Known, tell: Say) -> FittedHeads:
    """Fit what the settings ask for.

    Raises:
        TrainingError: an unknown candidate, an empty part, too few lengths, or no valid graph.
    """
    known_names = sorted((*CANDIDATES, SHARED, ALL))
    if settings.candidate not in known_names:
        raise TrainingError(f"candidate {settings.candidate!r} given, must be one of {known_names}")
    if settings.candidate == SHARED:
        return _shared(settings, catalog, known, tell)
    return _chosen(settings, catalog, known, tell)


def _shared(settings: Settings, catalog: Catalog, known: Known, tell: Say) -> FittedHeads:
    """Fit the shared network, and keep it unless it loses too much of what its teacher knows."""
    dimension, n_features = _widths(known.table)
    teacher, lengths = _candidate(TEACHER, settings, catalog, known, tell)
    tell(f"fitting {SHARED}")
    heads = fit_shared_heads(
        outcomes_outside(known.table, catalog, known.held_out),
        known.prior,
        teacher.chosen,
        lengths,
        known.training,
        known.validation,
        dimension=dimension,
        seed=settings.seed,
        pairs=known.pairs,
    )
    loss = log_loss(heads.adequacy(known.validation.inputs), known.validation.adequate)
    tell(f"validation log loss {loss:.4f}  {SHARED}")
    losses = {**teacher.log_loss, SHARED: loss}
    if loss > losses[TEACHER] + TOLERANCE:
        tell(
            f"the {SHARED} loses {loss - losses[TEACHER]:.4f}, as with few labels: going on without"
        )
        return _exported(settings, known, teacher, lengths, losses, tell)
    graph = build_shared_heads(heads, dimension=dimension, n_features=n_features)
    return FittedHeads(graph, heads, heads, losses, SHARED, distilled=True)


def _chosen(settings: Settings, catalog: Catalog, known: Known, tell: Say) -> FittedHeads:
    only = None if settings.candidate == ALL else settings.candidate
    choice, lengths = _candidate(only, settings, catalog, known, tell)
    return _exported(settings, known, choice, lengths, dict(choice.log_loss), tell)


def _exported(
    settings: Settings,
    known: Known,
    choice: Choice,
    lengths: Lengths,
    losses: dict[str, float],
    tell: Say,
) -> FittedHeads:
    """Distil what was chosen, or make a graph of it as it is."""
    training, validation = known.training, known.validation
    dimension, n_features = _widths(known.table)
    name = choice.chosen.name
    if settings.distil:
        tell(f"distilling {name}")
        student = distil(
            choice.chosen,
            lengths,
            _inputs_outside(known.table, known.held_out),
            training,
            validation,
            dimension=dimension,
            seed=settings.seed,
            pairs=known.pairs,
        )
        losses["student"] = log_loss(student.adequacy(validation.inputs), validation.adequate)
        if _is_kept(losses, name, tell):
            graph = build_student_heads(student, dimension=dimension, n_features=n_features)
            return FittedHeads(graph, student, student, losses, name, distilled=True)
    graph = build_heads(choice.chosen, lengths, dimension=dimension, n_features=n_features)
    return FittedHeads(graph, choice.chosen, lengths, losses, name, distilled=False)


def _candidate(
    only: str | None, settings: Settings, catalog: Catalog, known: Known, tell: Say
) -> tuple[Choice, Lengths]:
    """Fit one candidate, or all and choose, and the output lengths."""
    dimension, _ = _widths(known.table)
    choice = fit_and_choose(
        known.training,
        known.validation,
        dimension=dimension,
        seed=settings.seed,
        only=only,
        progress=tell,
    )
    tell("fitting output lengths")
    lengths = fit_lengths(
        known.training, known.validation, catalog.tier_names, dimension, settings.seed
    )
    return choice, lengths


def _widths(table: OutcomeTable) -> tuple[int, int]:
    return table.vectors.shape[1], table.features.shape[1]


def _inputs_outside(table: OutcomeTable, groups: StrArray) -> Float32Matrix:
    """Return the inputs, labelled or not, of all rows outside some duplicate groups."""
    outside = ~np.isin(table.group, groups)
    return np.hstack([table.vectors[outside], table.features[outside]]).astype(np.float32)


def _is_kept(losses: dict[str, float], teacher: str, tell: Say) -> bool:
    """Say what a student lost of what its teacher knows, and whether that is little enough."""
    tell(f"validation log loss {losses['student']:.4f}  student")
    lost = losses["student"] - losses[teacher]
    if lost <= TOLERANCE:
        return True
    tell(f"the student loses {lost:.4f}, more than {TOLERANCE}: exporting {teacher}")
    return False
