"""What answers calls: an engine with all that is made for it once, and which one answers whom.

``Switch.now`` is the one thing that changes while calls run. A call reads it once and so sees one
engine from its first check to its last byte. Loading and changing are ``versions``.
"""

from dataclasses import dataclass
from pathlib import Path

from router.engine import Engine
from router.rollout.canary import Canary
from router.rollout.shadow import Shadow
from router.server.answer import Answers
from router.server.audits import Audits
from router.types import Decision, Request


@dataclass(frozen=True, slots=True, eq=False)
class Arm:
    """An engine, its answers and the watch on its contracts.

    Attributes:
        engine: Decides; its suspensions are those of ``audits``.
        answers: Writes the engine's decisions.
        audits: The watch on contracts of the artifact's calibration.
        artifact_directory: Where the artifact is to be read again; may be a link.
        read_at: Where that led when it was read.
        catalog_file: Where the catalog was read.
        since_unix: When it was loaded, in seconds since 1970.
    """

    engine: Engine
    answers: Answers
    audits: Audits
    artifact_directory: Path
    read_at: Path
    catalog_file: Path
    since_unix: float

    @property
    def versions(self) -> tuple[str, str]:
        """Versions of artifact and catalog."""
        return self.engine.artifact.version, self.engine.catalog.version


@dataclass(frozen=True, slots=True)
class InForce:
    """Who answers now, and who stands by. Immutable; replaced whole.

    Attributes:
        main: Answers, but for what falls to the canary.
        previous: What ``main`` was before; answers nothing, but reviews its own decisions.
        canary: The lot of a second arm, if there is one.
        canary_arm: That arm.
        shadow: Decides a share of the main arm's requests again, without effect.
        shadow_directory: Where the shadow's artifact was read.
        deployments: Ids of every deployment that was in a catalog since the start, whose outcomes
            are still taken.
    """

    main: Arm
    previous: Arm | None = None
    canary: Canary | None = None
    canary_arm: Arm | None = None
    shadow: Shadow | None = None
    shadow_directory: Path | None = None
    deployments: frozenset[str] = frozenset()

    @property
    def arms(self) -> tuple[Arm, ...]:
        """The arms that answer."""
        return (self.main,) if self.canary_arm is None else (self.main, self.canary_arm)

    def arm_for(self, session: str) -> Arm:
        """Return who answers a session; the empty one is nobody's and falls by chance."""
        if self.canary is None or self.canary_arm is None or not self.canary.takes(session):
            return self.main
        return self.canary_arm

    def arm_of(self, artifact_version: str, catalog_version: str) -> Arm:
        """Return who made a decision of these versions, or else the main arm."""
        given = artifact_version, catalog_version
        for arm in (*self.arms, self.previous):
            if arm is not None and arm.versions == given:
                return arm
        return self.main

    def tell(self, arm: Arm, request: Request, made: Decision) -> None:
        """Let shadow and canary know of a decision, before exploration; never waits."""
        if self.canary is not None:
            self.canary.count(made, by_canary=arm is self.canary_arm)
        if self.shadow is not None and arm is self.main:
            self.shadow.offer(request, made)


class Switch:
    """Holds who is in force. Read without a lock, replaced whole by one assignment."""

    __slots__ = ("now",)

    def __init__(self, now: InForce) -> None:
        self.now = now
