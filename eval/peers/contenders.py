"""The peers as contenders of an evaluation: from their scores to every setting they could run at.

Each peer gets its best operating curve: all its thresholds (or offsets between routes) are
settings, and the hull over them is taken on the judged prompts themselves, as for every other
router. Where a peer does not learn from labels, a second row shows what its score would be worth if
it did.
"""

from collections.abc import Callable
from itertools import combinations, combinations_with_replacement, product

import numpy as np

from eval.arrays import FloatArray, IntArray
from eval.baselines import WILLINGNESS_TO_PAY_USD, by_category, trade_off_choices
from eval.judged import Contender
from eval.outcomes import OutcomeTable, require_encoder
from eval.peers.names import INDEXES, RULES_SCORE, V2_PROBABILITIES, index_columns
from eval.peers.scores import PeerScores
from eval.recorded import Recorded, Sweep, sweep_of_tiers
from router.errors import DataError

QUANTILES = 24
BINS = 10
TARGETS: tuple[float, ...] = tuple(np.linspace(0.5, 1.0, 51).round(2).tolist())
_MOST_OFFSETS = 450


def contenders(scores: PeerScores, *, with_indexes: bool) -> tuple[Contender, ...]:
    """List the peers that can be judged.

    Args:
        scores: Of every prompt that will be judged.
        with_indexes: Also those that learnt from the outcomes; only where the folds are the same.
    """
    found: list[Contender] = [
        _of(scores, rules),
        _of(scores, rules_learnt),
        _of(scores, heuristic_v2),
        _of(scores, heuristic_v2_learnt),
    ]
    if with_indexes:
        found += [_index(scores, name) for name in INDEXES]
    return tuple(found)


def rules(scores: PeerScores, recorded: Recorded, _: OutcomeTable, test: OutcomeTable) -> Sweep:
    """LiteLLM's rule score with every pair of thresholds out of the quantiles of all scores."""
    score = scores.matrix((RULES_SCORE,), test.prompt_ids)[:, 0]
    known = scores.columns[RULES_SCORE]
    grid = np.unique(np.quantile(known[~np.isnan(known)], np.linspace(0, 1, QUANTILES + 1)))
    edges = np.append(grid, np.inf)
    cuts = list(combinations_with_replacement(edges.tolist(), len(recorded.tiers) - 1))
    choices = np.column_stack([np.searchsorted(cut, score, side="right") for cut in cuts])
    labels = ["thresholds " + ", ".join(f"{edge:.3g}" for edge in cut) for cut in cuts]
    return _sweep(recorded, choices, labels, "litellm_rules", "LiteLLM complexity rules")


def rules_learnt(
    scores: PeerScores, recorded: Recorded, known: OutcomeTable, test: OutcomeTable
) -> Sweep:
    """LiteLLM's rule score as a category, whose mean qualities are learnt from the known rows."""
    return _learnt(
        scores, RULES_SCORE, recorded, known, test,
        name="litellm_rules_learnt", title="LiteLLM complexity rules, learnt here",
    )  # fmt: skip


def heuristic_v2(
    scores: PeerScores, recorded: Recorded, known: OutcomeTable, test: OutcomeTable
) -> Sweep:
    """LiteLLM's learnt probabilities, by its own rule at every target and by the trade-off rule.

    Its four tiers stand for ours in every order-preserving way. It predicts no lengths: costs are
    those of the known rows' mean length.
    """
    probabilities = scores.matrix(V2_PROBABILITIES, test.prompt_ids)
    mean_tokens = np.broadcast_to(known.output_tokens.mean(axis=0), test.output_tokens.shape)
    cost_usd = recorded.prices.tier_cost_usd(test.input_tokens, mean_tokens.astype(np.float64))
    if len(recorded.tiers) > probabilities.shape[1]:
        raise DataError(
            f"LiteLLM knows {probabilities.shape[1]} tiers, the catalog has {len(recorded.tiers)}: "
            "it cannot be compared with this catalog"
        )
    choices, labels = [], []
    for stands in combinations(range(probabilities.shape[1]), len(recorded.tiers)):
        quality = probabilities[:, stands]
        names = "/".join(V2_PROBABILITIES[i].partition(":")[2] for i in stands)
        for target in TARGETS:
            reached = quality >= target
            reached[:, -1] = True
            choices.append(np.argmax(reached, axis=1))
            labels.append(f"{names}, target {target:g}")
        choices.extend(trade_off_choices(quality, cost_usd).T)
        labels.extend(f"{names}, willingness to pay ${pay:.3g}" for pay in WILLINGNESS_TO_PAY_USD)
    return _sweep(recorded, np.column_stack(choices), labels, "litellm_v2", "LiteLLM heuristic_v2")


def heuristic_v2_learnt(
    scores: PeerScores, recorded: Recorded, known: OutcomeTable, test: OutcomeTable
) -> Sweep:
    """LiteLLM's cohorts (by their lowest tier's probability), learnt again from the known rows."""
    return _learnt(
        scores, V2_PROBABILITIES[0], recorded, known, test,
        name="litellm_v2_learnt", title="LiteLLM heuristic_v2, learnt here",
    )  # fmt: skip


def index(
    scores: PeerScores, name: str, recorded: Recorded, known: OutcomeTable, test: OutcomeTable
) -> Sweep:
    """An aurelio index: the route with the best score, at every offset between routes.

    Raises:
        DataError: a known prompt's scores come from the same fold, so the index held test prompts;
            or the index was filled by another encoder.
    """
    require_encoder(test, scores.made["encoder_sha256"])
    folds = np.unique(scores.fold[scores.place(test.prompt_ids)])
    learnt_from = scores.fold[scores.place(known.prompt_ids)]
    if len(folds) != 1 or np.isin(learnt_from, folds).any():
        raise DataError(
            f"the scores of {name} were made in other folds than these, so it may have held judged "
            "prompts: use the seed and folds of `make peers-scores`, or make the scores again"
        )
    found = scores.matrix(index_columns(name, recorded.tiers), test.prompt_ids)
    total = found.sum(axis=1, keepdims=True)
    shares = found / np.where(total > 0, total, 1.0)
    offsets = route_offsets(len(recorded.tiers))
    choices = np.column_stack([np.argmax(shares + offset, axis=1) for offset in offsets])
    labels = [
        "offsets " + ", ".join(f"{one:+.2f}" for one in offset) for offset in offsets.tolist()
    ]
    neighbours, aggregation = INDEXES[name]
    title = f"aurelio index, our encoder ({neighbours}, {aggregation})"
    return _sweep(recorded, choices, labels, name, title)


def route_offsets(tiers: int) -> FloatArray:
    """List offsets on routes' scores, (k, tiers), the lowest route's always 0."""
    steps = max(3, int(_MOST_OFFSETS ** (1 / (tiers - 1))))
    # Shares lie in [0, 1]: at a little more than 1 one route wins always, so that each tier used
    # for everything is among the settings.
    grid = np.linspace(-1.05, 1.05, steps).tolist()
    return np.array([(0.0, *rest) for rest in product(grid, repeat=tiers - 1)])


def _of(
    scores: PeerScores, peer: Callable[[PeerScores, Recorded, OutcomeTable, OutcomeTable], Sweep]
) -> Contender:
    return lambda recorded, known, test: peer(scores, recorded, known, test)


def _index(scores: PeerScores, name: str) -> Contender:
    return lambda recorded, known, test: index(scores, name, recorded, known, test)


def _learnt(
    scores: PeerScores,
    column: str,
    recorded: Recorded,
    known: OutcomeTable,
    test: OutcomeTable,
    *,
    name: str,
    title: str,
) -> Sweep:
    learnt = scores.matrix((column,), known.prompt_ids)[:, 0]
    edges = np.unique(np.quantile(learnt, np.linspace(0, 1, BINS + 1)[1:-1]))
    asked = scores.matrix((column,), test.prompt_ids)[:, 0]
    return by_category(
        recorded,
        known,
        test,
        np.searchsorted(edges, learnt, side="right").astype(np.str_),
        np.searchsorted(edges, asked, side="right").astype(np.str_),
        name=name,
        title=title,
        kind="peer",
    )


def _sweep(
    recorded: Recorded, choices: IntArray, labels: list[str], name: str, title: str
) -> Sweep:
    return sweep_of_tiers(recorded, choices, labels, name=name, title=title, kind="peer")
