"""What decides below gRPC, for measurements that need the service's methods and no server."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from router.config import Config
from router.engine import Engine
from router.ledger.store import OutcomeStore
from router.ledger.writer import OutcomeWriter
from router.server.arm import InForce, Switch
from router.server.arms import Arms, ids_of
from router.server.follow_up import FollowUp
from router.server.learning import Learning
from router.server.limits import Limits
from router.server.servicer import RouterServicer


def switch_of(engine: Engine, follow_up: FollowUp, learning: Learning) -> Switch:
    """Return an engine in force, as a servicer takes it."""
    artifact, catalog = engine.artifact, engine.catalog
    arm = Arms(follow_up, learning).make(artifact, catalog, artifact.directory, Path())
    return Switch(InForce(arm, deployments=ids_of(catalog)))


@contextmanager
def servicer_of(engine: Engine) -> Iterator[tuple[RouterServicer, Engine]]:
    """Give the methods of a server without one, and the engine that answers there."""
    with tempfile.TemporaryDirectory() as place:
        config = Config(store=Path(place, "outcomes.sqlite3"))
        store = OutcomeStore(config.store)
        follow_up, learning = FollowUp(config, lambda: None), Learning(config)
        outcomes = OutcomeWriter(store, config.max_waiting_outcomes)
        switch = switch_of(engine, follow_up, learning)
        yield (
            RouterServicer(switch, outcomes, Limits(), follow_up, learning),
            switch.now.main.engine,
        )
        outcomes.close()
        learning.close()
        follow_up.close()
        store.close()
