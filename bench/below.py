"""The methods of the service over one engine, below gRPC, for what measures or spoils calls."""

import contextlib
import time
from collections.abc import Iterator

from router.config import Config
from router.engine import Engine
from router.ledger.writer import OutcomeWriter
from router.server.answer import Answers
from router.server.arm import Arm, InForce, Switch
from router.server.arms import ids_of
from router.server.follow_up import FollowUp
from router.server.learning import Learning
from router.server.limits import Limits
from router.server.servicer import RouterServicer


@contextlib.contextmanager
def servicer_of(
    engine: Engine, config: Config, outcomes: OutcomeWriter, limits: Limits
) -> Iterator[RouterServicer]:
    """Return the methods of a server that has this engine in force; its files close after use."""
    artifact, catalog = engine.artifact, engine.catalog
    follow_up, learning = FollowUp(config, lambda: None), Learning(config)
    arm = Arm(
        engine,
        Answers(catalog, artifact.version, artifact.length_bounds),
        follow_up.audits_of(artifact),
        artifact.directory,
        artifact.directory,
        config.catalog,
        time.time(),
    )
    switch = Switch(InForce(arm, deployments=ids_of(catalog)))
    try:
        yield RouterServicer(switch, outcomes, limits, follow_up, learning)
    finally:
        learning.close()
        follow_up.close()
