"""What decides below gRPC, for measurements that need the service's methods and no server."""

from pathlib import Path

from router.engine import Engine
from router.server.arm import InForce, Switch
from router.server.arms import Arms, ids_of
from router.server.follow_up import FollowUp
from router.server.learning import Learning


def switch_of(engine: Engine, follow_up: FollowUp, learning: Learning) -> Switch:
    """Return an engine in force, as a servicer takes it."""
    artifact, catalog = engine.artifact, engine.catalog
    arm = Arms(follow_up, learning).make(artifact, catalog, artifact.directory, Path())
    return Switch(InForce(arm, deployments=ids_of(catalog)))
