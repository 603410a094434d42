"""The usual request decided in the compiled kernel, from its text to the decision in one call.

It is the same line as ``router.engine`` walks in Python, with the same results; there each stage
comes back to cold caches. Usual is a request that no hard constraint, limit of cost, deadline,
contract, pool or prompt cache plays a part in. Any other is left to the engine.
"""

import os
from functools import partial
from typing import Any

from router.catalog import Catalog
from router.compiled import KERNEL
from router.constraints import is_constrained
from router.cost.counting import TokenCounter
from router.cost.tokens import KINDS, TOKEN_WEIGHTS, estimate_conversation_tokens
from router.estimator import Estimator
from router.laps import Lap, no_lap
from router.predict.artifact import Artifact
from router.predict.compiled_graph import Compiled
from router.predict.window import window
from router.types import Decision, DecisionReason, Goal, Request

_REASONS = (
    DecisionReason.TARGET_MET,
    DecisionReason.TARGET_UNREACHABLE,
    DecisionReason.BEST_TRADE_OFF,
)


class Line:
    """Decides usual requests. Safe from several threads, of which one at a time gets to decide.

    Args:
        kernel: ``router.compiled.kernel.Line``.
        counter: Gives the learnt ratios.
        has_caches: Whether a request of a session may find a prompt cache warm.
    """

    __slots__ = ("_counter", "_decide", "_has_caches")

    def __init__(self, kernel: Any, counter: TokenCounter, *, has_caches: bool) -> None:
        self._decide = kernel.decide
        self._counter = counter
        self._has_caches = has_caches

    def decide(self, request: Request, goal: Goal, lap: Lap = no_lap) -> Decision | None:
        """Decide a request, or return None for one that is to be decided in Python.

        Args:
            request: What is asked.
            goal: That applies to it.
            lap: Told as each stage but the last ends.
        """
        if (
            goal.contract is not None
            or goal.max_cost_usd is not None
            or request.deadline is not None
            or is_constrained(request)
            or (self._has_caches and request.session_id)
        ):
            return None
        messages = request.messages
        text = window(messages)
        tokens = None
        if len(messages) > 1 or messages[0].content != text:
            tokens = estimate_conversation_tokens([message.content for message in messages])
        try:
            decision: Decision | None = self._decide(
                text,
                tokens,
                goal,
                goal.quality_target,
                goal.willingness_to_pay_usd,
                self._counter.ratios.by_deployment,
                None if lap is no_lap else lap,
            )
        except UnicodeEncodeError:  # a lone surrogate, which is read in NumPy
            return None
        return decision


def line_of(
    artifact: Artifact,
    catalog: Catalog,
    estimator: Estimator,
    counter: TokenCounter,
    *,
    has_pools: bool,
    has_caches: bool,
) -> Line | None:
    """Return the line of an artifact and a catalog, None where some stage is not in the kernel.

    Args:
        artifact: Predicts.
        catalog: Its deployments are chosen from.
        estimator: Of these.
        counter: Of the estimator.
        has_pools: Whether a deployment is on a pool, which is priced by its load.
        has_caches: Whether a deployment's provider keeps prompts.
    """
    if KERNEL is None or estimator.kernel is None or has_pools or counter.has_vocabularies:
        return None
    pieces = artifact.encoder.tokenizer.in_kernel()
    if pieces is None or not isinstance(artifact.fused, Compiled):
        return None
    from router.predict.reading import READER

    try:
        kernel = KERNEL.Line(
            READER,
            pieces[0],
            artifact.fused.graph,
            estimator.kernel,
            pieces[1],
            TOKEN_WEIGHTS,
            KINDS,
            partial(tuple.__new__, Decision),
            new_id,
            _REASONS,
            (artifact.manifest.version, catalog.version),
        )
    except ValueError:  # more tiers than the kernel has room for
        return None
    return Line(kernel, counter, has_caches=has_caches)


def new_id() -> str:
    """Return the id of a new decision: 128 random bits in hexadecimal."""
    return os.urandom(16).hex()
