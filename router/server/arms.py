"""Making arms, and putting one in force, beside another or behind it as a shadow.

Nothing here changes who is in force: every function gives a new ``InForce``. When and why that is
swapped in is ``versions``.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from router.catalog import Catalog
from router.engine import build_engine
from router.errors import ArtifactError, RouterError, SwapError
from router.predict.artifact import Artifact, load_artifact
from router.rollout.canary import Canary
from router.rollout.shadow import Shadow
from router.server.answer import Answers
from router.server.arm import Arm, InForce
from router.server.follow_up import FollowUp
from router.server.learning import Learning
from router.server.warm import warm


class Arms:
    """Makes arms that share what was learnt, and the suspensions of their calibrations.

    Args:
        follow_up: Gives the watches on contracts.
        learning: From outcomes.
        public_key: That artifacts must be signed for; None asks for no signature.
    """

    def __init__(
        self, follow_up: FollowUp, learning: Learning, public_key: Path | None = None
    ) -> None:
        self._follow_up = follow_up
        self._learning = learning
        self._public_key = public_key

    def load(self, directory: Path, known: Sequence[Artifact] = ()) -> Artifact:
        """Load an artifact, which must be signed where signatures are asked for.

        Raises:
            ArtifactError: it is refused.
        """
        reached(directory)
        return load_artifact(directory, known, public_key=self._public_key)

    def make(self, artifact: Artifact, catalog: Catalog, directory: Path, file: Path) -> Arm:
        """Join what was loaded to an arm, with the suspensions of its calibration.

        Raises:
            ArtifactError: artifact and catalog do not fit.
            CatalogError: a deployment's tokenizer cannot be read.
        """
        audits = self._follow_up.audits_of(artifact)
        engine = build_engine(
            artifact, catalog, self._learning.ratios.learnt, self._learning.memory
        )
        engine = replace(engine, suspensions=audits.suspensions)
        answers = Answers(catalog, artifact.version, artifact.length_bounds)
        return Arm(engine, answers, audits, directory, directory.resolve(), file, time.time())

    def with_main(self, now: InForce, main: Arm) -> tuple[InForce, str]:
        """Put another arm in force; canary and shadow go on beside it, or end, which is said."""
        then = InForce(
            main, previous=now.main, deployments=now.deployments | ids_of(main.engine.catalog)
        )
        said = []
        if now.canary is not None and now.canary_arm is not None:
            try:
                then = self.with_canary(
                    then,
                    now.canary_arm.artifact_directory,
                    now.canary.share,
                    now.canary_arm.engine.artifact,
                )
            except RouterError as error:
                said.append(f"the canary ended: {error.message}")
        if now.shadow is not None and now.shadow_directory is not None:
            try:
                then = self.with_shadow(
                    then, now.shadow_directory, now.shadow.share, now.shadow.engine.artifact
                )
            except RouterError as error:
                said.append(f"the shadow ended: {error.message}")
        return then, "; ".join(said)

    def with_canary(
        self, now: InForce, directory: Path, share: float, loaded: Artifact | None = None
    ) -> InForce:
        """Put an artifact beside the main arm, for a share of sessions in (0, 1].

        Args:
            now: Who is in force.
            directory: The artifact.
            share: Of sessions.
            loaded: What is in that directory, if it is loaded already.

        Raises:
            ArtifactError, SwapError: see ``Versions.set_canary``.
        """
        artifact = loaded or self.load(directory, loaded_artifacts(now))
        _is_another(now, artifact)
        keep_contracts(now.main, artifact)
        arm = self.make(artifact, now.main.engine.catalog, directory, now.main.catalog_file)
        warm(arm)
        return replace(now, canary=Canary(artifact.version, share), canary_arm=arm)

    def with_shadow(
        self, now: InForce, directory: Path, share: float, loaded: Artifact | None = None
    ) -> InForce:
        """Put an artifact behind the main arm, for a share of requests in (0, 1]; as a canary."""
        artifact = loaded or self.load(directory, loaded_artifacts(now))
        _is_another(now, artifact)
        # It decides after the main arm, whose turn it must not find in the caches: they are cold.
        engine = build_engine(artifact, now.main.engine.catalog, self._learning.ratios.learnt)
        return replace(now, shadow=Shadow(engine, share), shadow_directory=directory)


def reached(directory: Path) -> Path:
    """Return where a path leads, links followed; what is missing there is told by loading it.

    Raises:
        ArtifactError: the path itself cannot be followed.
    """
    try:
        place = directory.resolve()
        place.is_dir()
    except (OSError, RuntimeError) as error:  # too long, closed to us, or links in circles
        raise ArtifactError(
            f"{directory}: cannot be followed ({error}); give an artifact directory that the "
            "server may read",
            reason="ARTIFACT_FILE_MISSING",
            metadata={"file": str(directory)},
        ) from error
    return place


def loaded_artifacts(now: InForce) -> list[Artifact]:
    """Return the artifacts in memory, whose parts need not be loaded again."""
    engines = [arm.engine for arm in (*now.arms, now.previous) if arm is not None]
    if now.shadow is not None:
        engines.append(now.shadow.engine)
    return [engine.artifact for engine in engines]


def ids_of(catalog: Catalog) -> frozenset[str]:
    """Return the ids of a catalog's deployments."""
    return frozenset(deployment.id for deployment in catalog.deployments)


def _is_another(now: InForce, artifact: Artifact) -> None:
    if artifact.version == now.main.engine.artifact.version:
        raise SwapError(
            f"{artifact.directory}: artifact {artifact.version} is in force already; give another "
            "one",
            reason="ALREADY_IN_FORCE",
            metadata={"artifact": artifact.version},
        )


def keep_contracts(main: Arm, artifact: Artifact) -> None:
    """Refuse an artifact that would fail the calls under contracts that are answered now.

    Raises:
        SwapError: it would.
    """
    had, has = main.engine.artifact.promise, artifact.promise
    if had is not None and has is not None and had.by_topic is not None and has.by_topic is None:
        raise SwapError(
            f"{artifact.directory}: artifact {artifact.version} knows no topics, and "
            f"{main.engine.artifact.version} in force keeps contracts per topic: run "
            "'make calibrate' on it with --topics-from, or start a server with it",
            reason="CONTRACTS_LOST",
            metadata={"artifact": artifact.version},
        )
    if had is not None and has is None:
        raise SwapError(
            f"{artifact.directory}: artifact {artifact.version} is not calibrated for contracts, "
            f"and {main.engine.artifact.version} in force is: run 'make calibrate' on it first, or "
            "start a server with it",
            reason="CONTRACTS_LOST",
            metadata={"artifact": artifact.version},
        )
