"""Loading, swapping and going back: what changes who is in force, while calls run.

Everything is loaded, verified and tried out before the one assignment that swaps it in; whatever
fails before leaves who is in force as it is. Nothing here may run on the event loop, because
loading takes long. How the pieces of an arm fit together is ``arm``.
"""

import logging
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from router.catalog import load_catalog
from router.config import Config
from router.cost.vocabulary_files import vocabulary_files
from router.errors import RouterError, SwapError
from router.server.arm import InForce, Switch
from router.server.arms import Arms, ids_of, keep_contracts, loaded_artifacts, reached
from router.server.attempts import Action, Attempt, Attempts, Outcome, Trigger
from router.server.follow_up import FollowUp
from router.server.learning import Learning
from router.server.warm import warm

logger = logging.getLogger("router.server")

Change = Callable[[InForce], tuple[InForce, str]]


class Versions:
    """Who is in force, and the changes of it.

    Args:
        config: Artifact, catalog, canary and shadow to start with.
        follow_up: Gives the watches on contracts.
        learning: From outcomes, for every arm.
        on_swap: Told, from the thread that changed it, that someone else is in force.
        tell: Told the name and state of a part of health, from the same thread.
        keep: Told who is in force after a change that was made here and not elsewhere; returns what
            is to be said of it.

    Attributes:
        switch: Who is in force.
        attempts: What was tried since the start.
        reload_is_well: Whether the latest reload or rollback was not refused.

    Raises:
        CatalogError, ArtifactError, SwapError, StoreError: what to start with is refused.
        NotCalibratedError: the catalog's default goal is a contract the artifact cannot keep.
    """

    def __init__(
        self,
        config: Config,
        follow_up: FollowUp,
        learning: Learning,
        on_swap: Callable[[], None],
        tell: Callable[[str, bool], None],
        keep: Callable[[InForce], str] = lambda _: "",
    ) -> None:
        self._arms = Arms(follow_up, learning, config.artifact_public_key)
        self._on_swap = on_swap
        self._tell = tell
        self._keep = keep
        self._lock = threading.Lock()
        self.attempts = Attempts()
        self.reload_is_well = True
        artifact, catalog = self._arms.load(config.artifact), load_catalog(config.catalog)
        main = self._arms.make(artifact, catalog, config.artifact, config.catalog)
        warm(main)  # as after a reload: no caller is the first, and what fails for all is refused
        now = InForce(main, deployments=ids_of(catalog))
        if config.canary is not None:
            now = self._arms.with_canary(now, config.canary, config.canary_share)
        if config.shadow is not None:
            now = self._arms.with_shadow(now, config.shadow, config.shadow_share)
        self.switch = Switch(now)

    def reload(
        self,
        trigger: Trigger,
        artifact: Path | None = None,
        catalog: Path | None = None,
        expected: tuple[Path, str] | None = None,
    ) -> Attempt:
        """Load an artifact and a catalog and swap them in.

        Args:
            trigger: Who asks.
            artifact: Directory; None reads the one in force again.
            catalog: File; None reads the one in force again.
            expected: Where the directory led when a version was chosen, and that version, which
                must be read there; None reads what is there now.

        Raises:
            CatalogError, ArtifactError: as at the start; what was in force still is.
            SwapError: contracts could no longer be kept, or another version was read.
        """

        def change(now: InForce) -> tuple[InForce, str]:
            directory = artifact or now.main.artifact_directory
            file = catalog or now.main.catalog_file
            read_at, version = expected or (reached(directory), "")
            read = self._arms.load(read_at, loaded_artifacts(now)), load_catalog(file)
            if version not in ("", read[0].version):
                raise SwapError(
                    f"{read_at}: holds artifact {read[0].version}, {version} was chosen: keep each "
                    "version in a directory of its own, or reload",
                    reason="ANOTHER_VERSION",
                )
            if (read[0].version, read[1].version) == now.main.versions:
                return now, ""
            arm = replace(self._arms.make(*read, directory, file), read_at=read_at)
            keep_contracts(now.main, arm.engine.artifact)
            warm(arm)
            return self._arms.with_main(now, arm)

        return self._attempt(Action.RELOAD, trigger, change)

    def rollback(self, trigger: Trigger) -> Attempt:
        """Go back to what was in force before; again, and it goes forth.

        Raises:
            SwapError: nothing was in force before.
        """

        def change(now: InForce) -> tuple[InForce, str]:
            if now.previous is None:
                raise SwapError(
                    "nothing was swapped since this server started, so there is nothing to go back "
                    "to: give Reload the artifact directory and the catalog you want",
                    reason="NO_PREVIOUS_VERSION",
                )
            return self._arms.with_main(now, now.previous)

        return self._attempt(Action.ROLLBACK, trigger, change)

    def set_canary(self, trigger: Trigger, artifact: Path | None, share: float) -> Attempt:
        """Let an artifact answer a share of sessions, in (0, 1]; None ends it.

        Raises:
            ArtifactError: it is refused, or does not fit the catalog in force.
            SwapError: it is in force already, or contracts could not be kept.
        """

        def change(now: InForce) -> tuple[InForce, str]:
            if artifact is None:
                return replace(now, canary=None, canary_arm=None), ""
            return self._arms.with_canary(now, artifact, share), ""

        return self._attempt(Action.SET_CANARY, trigger, change)

    def set_shadow(self, trigger: Trigger, artifact: Path | None, share: float) -> Attempt:
        """Let an artifact decide a share of requests without effect, in (0, 1]; None ends it.

        Raises:
            ArtifactError: it is refused, or does not fit the catalog in force.
            SwapError: it is in force already.
        """

        def change(now: InForce) -> tuple[InForce, str]:
            if artifact is None:
                return replace(now, shadow=None, shadow_directory=None), ""
            return self._arms.with_shadow(now, artifact, share), ""

        return self._attempt(Action.SET_SHADOW, trigger, change)

    def read_paths(self) -> tuple[Path, ...]:
        """Return where artifact, catalog, its prices and its vocabularies in force were read."""
        main = self.switch.now.main
        catalog = main.engine.catalog
        beside = *catalog.price_files, *vocabulary_files(catalog.deployments)
        return main.artifact_directory, main.catalog_file, *beside

    def close(self) -> None:
        """Wait for a change that is being made, and end the shadow's thread."""
        with self._lock:
            if self.switch.now.shadow is not None:
                self.switch.now.shadow.close()

    def _attempt(self, action: Action, trigger: Trigger, change: Change) -> Attempt:
        began_unix, began = time.time(), time.perf_counter()
        with self._lock:
            try:
                now, then, message = self._swap(change)
            except Exception as error:  # whatever it is, who is in force stays
                reason = error.reason if isinstance(error, RouterError) else "INTERNAL"
                outcome, message = Outcome.REFUSED, str(error) or type(error).__name__
                is_known = isinstance(error, RouterError)
                logger.error(
                    "%s refused, %s: %s", action.name, reason, message, exc_info=not is_known
                )
                self._note(action, outcome, trigger, began_unix, began, reason, message)
                _let_go(error)
                raise
            if then is not now and trigger != "choice":
                message = "; ".join(filter(None, (message, self._keep(then))))
            outcome = Outcome.UNCHANGED if then is now else Outcome.CHANGED
            attempt = self._note(action, outcome, trigger, began_unix, began, "", message)
        if then is not now:
            if now.shadow is not None and now.shadow is not then.shadow:
                now.shadow.close()
            self._on_swap()
        logger.info(
            "%s by %s, %s in %.0f ms: artifact %s, catalog %s. %s",
            action.name,
            trigger,
            outcome.name,
            attempt.seconds * 1e3,
            *then.main.versions,
            message,
        )
        return attempt

    def _swap(self, change: Change) -> tuple[InForce, InForce, str]:
        """Swap who is in force; return who was, who is, and what is to be said of it."""
        now = self.switch.now
        then, message = change(now)
        self.switch.now = then
        return now, then, message

    def _note(
        self,
        action: Action,
        outcome: Outcome,
        trigger: Trigger,
        began_unix: float,
        began: float,
        reason: str,
        message: str,
    ) -> Attempt:
        seconds = time.perf_counter() - began
        attempt = Attempt(action, outcome, trigger, began_unix, seconds, reason, message)
        self.attempts.note(attempt)
        if action in {Action.RELOAD, Action.ROLLBACK}:
            self.reload_is_well = outcome is not Outcome.REFUSED
            self._tell("reload", self.reload_is_well)
        return attempt


def _let_go(error: BaseException | None) -> None:
    """Free what a failed change had in hand: its traceback would keep megabytes alive."""
    while error is not None:
        traceback.clear_frames(error.__traceback__)
        error = error.__cause__ or error.__context__
