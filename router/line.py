"""The usual request decided in the compiled kernel, from its text to the decision in one call.

It is the same line as ``router.engine`` walks in Python, with the same results; there each stage
comes back to cold caches. Usual is a request that no hard constraint, limit of cost, deadline,
contract or prompt cache plays a part in. Any other is left to the engine.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

from router.catalog import Catalog
from router.compiled import KERNEL
from router.constraints import is_constrained
from router.cost.tokens import KINDS, TOKEN_WEIGHTS, estimate_conversation_tokens
from router.estimator import Estimator
from router.ids import new_id
from router.laps import Lap
from router.predict.artifact import Artifact
from router.predict.compiled_graph import Compiled
from router.predict.window import FRAMES, RUNS, WINDOW_CHARS, window
from router.types import NO_NEEDS, Decision, DecisionReason, Goal, Request

_REASONS = (
    DecisionReason.TARGET_MET,
    DecisionReason.TARGET_UNREACHABLE,
    DecisionReason.BEST_TRADE_OFF,
)


class Line:
    """Decides usual requests. Safe from several threads, of which one at a time gets to decide.

    Args:
        kernel: ``router.compiled.kernel.Line``.
        has_caches: Whether a request of a session may find a prompt cache warm.
    """

    __slots__ = ("_decide", "_decide_plain", "_has_caches")

    def __init__(self, kernel: Any, *, has_caches: bool) -> None:
        self._decide_plain: Callable[[Request, Lap | None], Decision | None] = kernel.decide_plain
        self._decide: Callable[..., Decision | None] = kernel.decide
        self._has_caches = has_caches

    def decide(
        self, request: Request, resolve: Callable[[Goal | None], Goal], lap: Lap | None = None
    ) -> Decision | None:
        """Decide a usual request, or return None for one that is to be decided in Python.

        Args:
            request: What is asked.
            resolve: From a request's goal to the one that applies.
            lap: Told as each stage but the last ends; None tells nobody.
        """
        made = self._decide_plain(request, lap)  # most are a prompt and no more
        return self._decide_usual(request, resolve, lap) if made is None else made

    def _decide_usual(
        self, request: Request, resolve: Callable[[Goal | None], Goal], lap: Lap | None
    ) -> Decision | None:
        goal = resolve(request.goal)
        if (
            not _is_usual(goal)
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
        target, pay = goal.quality_target, goal.willingness_to_pay_usd
        try:
            return self._decide(text, tokens, goal, target, pay, lap)
        except UnicodeEncodeError:  # a lone surrogate, which is read in NumPy
            return None


def _is_usual(goal: Goal) -> bool:
    return goal.contract is None and goal.max_cost_usd is None


def line_of(artifact: Artifact, catalog: Catalog, estimator: Estimator) -> Line | None:
    """Return the line of an artifact and a catalog, None where some stage is not in the kernel.

    Args:
        artifact: Predicts.
        catalog: Its deployments are chosen from.
        estimator: Of these.
    """
    counter, has_caches = estimator.counter, estimator.caches is not None
    if KERNEL is None or estimator.kernel is None or counter.has_vocabularies:
        return None
    pieces = artifact.encoder.tokenizer.in_kernel()
    if pieces is None or not isinstance(artifact.fused, Compiled):
        return None
    from router.predict.reading import READER  # which is there with a kernel only

    try:
        kernel = KERNEL.Line(
            (
                RUNS,
                WINDOW_CHARS,
                FRAMES,
                catalog.default_goal if _is_usual(catalog.default_goal) else None,
                NO_NEEDS,
                has_caches,
            ),
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
            counter.ratios,
            estimator.pools,
        )
    except ValueError:  # more tiers than the kernel has room for
        return None
    return Line(kernel, has_caches=has_caches)
