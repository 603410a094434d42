"""Metrics that are kept elsewhere and looked up when somebody asks for all of them."""

from router.metrics import families
from router.server.counted import Counted
from router.server.follow_up import FollowUp
from router.server.gate import Gate
from router.server.learning import Learning
from router.server.rollout_metrics import tell_rollout
from router.server.versions import Versions


def tell_figures(
    counted: Counted,
    versions: Versions,
    follow_up: FollowUp,
    learning: Learning,
    gate: Gate | None,
) -> None:
    """Set the metrics of contracts, logs, learning, changes, trials, pools and refused keys.

    Args:
        counted: Of the server; on its thread.
        versions: Who is in force.
        follow_up: Of decisions.
        learning: From outcomes.
        gate: None where no keys are asked for.
    """
    registry = counted.registry
    registry.cell(families.AUDITS, "missed").value = follow_up.missed.count
    registry.cell(families.SUSPENDED).value = sum(
        len(audits.suspensions) for audits in {arm.audits for arm in versions.switch.now.arms}
    )
    registry.cell(families.LOG_DROPPED).value = follow_up.dropped
    registry.cell(families.REPORTS_DROPPED).value = learning.dropped
    tell_rollout(registry, versions)
    engines = [arm.engine for arm in versions.switch.now.arms]
    counted.pools.tell(registry, [engine.pools for engine in engines if engine.pools is not None])
    if gate is not None:
        for code_and_reason, count in gate.refused.items():
            registry.cell(families.ERRORS, *code_and_reason).value = count
