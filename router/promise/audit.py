"""What an audit loses, and what a watch knows while some audits are not reported yet.

The monitor's guarantee speaks of losses in the order of the requests. Reports come in any order:
those of the top tier at once with loss 0, others late, in bulk, or never. Fed as they come, a bulk
of cheap ones looks like a broken promise, because their mean loss is above that of all requests.
So a watch goes by the order of the *draws*, and an open audit stands for loss 0. The wealth of the
bet only grows with a loss, so what is known never exceeds the wealth with every loss known, and a
rejection keeps its guarantee whatever the order, the delay or the choice of reports
(docs/promise.md). The bet itself is ``router.promise.monitor``.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from router.promise.monitor import MonitorState, observe

WINDOW = 1000
"""An audit still open when this many were drawn after it counts with loss 0 for good."""


def audited_loss(quality: float, top_quality: float, adequate_quality: float) -> float:
    """Return 1 where the answer was inadequate and the top tier's adequate, else 0.

    Args:
        quality: Of the chosen tier's answer, in [0, 1].
        top_quality: Of the top tier's, in [0, 1].
        adequate_quality: Least quality of an adequate answer.
    """
    return float(quality < adequate_quality <= top_quality)


def settled_prefix(losses: Sequence[float | None]) -> int:
    """Return how many audits from the start on are known for good.

    Args:
        losses: Of consecutive audits in the order of their draws, the latest draw last; None while
            open.
    """
    for place, loss in enumerate(losses):
        if loss is None and len(losses) - place <= WINDOW:
            return place
    return len(losses)


def fold(state: MonitorState, losses: Sequence[float | None]) -> MonitorState:
    """Return the state after more audits in the order of their draws; an open one counts as 0.

    Every request under a contract is drawn with the same probability, so all audits weigh the same
    and a share that was changed in between does no harm.
    """
    for loss in losses:
        state = observe(state, loss or 0.0, state.plan.least_audit_probability)
    return state


def foreseen(state: MonitorState, losses: Sequence[float | None]) -> MonitorState:
    """Return a lower bound of the state after audits of which some are open.

    Its evidence and lower bound are at most those with every loss known. Zeros at the end are left
    out: they can only lower the wealth, and what counts is its greatest value.
    """
    last = max((place for place, loss in enumerate(losses, start=1) if loss), default=0)
    return fold(state, losses[:last])


def calibration_id(manifest: Mapping[str, Any]) -> str:
    """Return the identity of a calibration: predictor, counts and the data they come from.

    Each new watch may err with probability 1 - confidence, so it must begin with a new calibration
    and with nothing less; an artifact that differs in its card only keeps its watches.

    Args:
        manifest: Content of ``manifest.json`` of an artifact that was calibrated.
    """
    files = {name: value for name, value in manifest["files"].items() if not name.endswith(".md")}
    content = {"files": files, "promise": manifest.get("promise")}
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:16]
