"""What is in force and the file that keeps it: one is made to follow the other.

After a change here the file is written; when the file changes, another process changed something,
and this one follows. Reading and writing the file is ``router.rollout.choice``.
"""

import contextlib
import logging
from pathlib import Path

from router.config import Config
from router.errors import SwapError
from router.rollout.choice import Choice, Trial, read_choice, write_choice
from router.server.arm import InForce
from router.server.versions import Versions

logger = logging.getLogger("router.server")


class Chosen:
    """Keeps a choice file and what is in force the same.

    Args:
        path: The file.
        config: Names what is in force without a choice.
    """

    def __init__(self, path: Path, config: Config) -> None:
        self.path = path
        self._config = config

    def read(self) -> Choice | None:
        """Return the choice that counts, if there is one.

        Raises:
            SwapError: see ``read_choice``.
        """
        choice, configured = read_choice(self.path), self._configured()
        if choice is not None and choice.configured != configured:
            logger.warning(
                "%s: made while %s were configured; now %s are, so it does not count",
                self.path,
                choice.configured,
                configured,
            )
            return None
        return choice

    def keep(self, now: InForce) -> str:
        """Write what is in force; return what is to be said of it, nothing if all is well."""
        try:
            choice = self._of(now)
            with contextlib.suppress(SwapError):  # what cannot be read is written over
                if choice == read_choice(self.path):
                    return ""
            write_choice(self.path, choice)
        except (
            SwapError,
            OSError,
            RuntimeError,
        ) as error:  # a path may lead nowhere, or in circles
            logger.error("what is in force is not kept: %s", error)
            return f"what is in force is not kept: {error}"
        return ""

    def follow(self, versions: Versions) -> None:
        """Change what is in force to what another process chose.

        Raises:
            RouterError: it cannot be; what was in force still is.
        """
        choice = self.read()
        if choice is None:
            return
        wanted = choice.artifact_version, choice.catalog_version
        now = versions.switch.now
        if now.main.versions != wanted:
            if now.previous is not None and now.previous.versions == wanted:
                versions.rollback("choice")
            else:
                paths = Path(choice.artifact), Path(choice.catalog)
                expected = Path(choice.read_at), choice.artifact_version
                versions.reload("choice", *paths, expected=expected)
        for trial, current, change in (
            (choice.canary, _canary, versions.set_canary),
            (choice.shadow, _shadow, versions.set_shadow),
        ):
            if trial != current(versions.switch.now):
                artifact = None if trial is None else Path(trial.artifact)
                change("choice", artifact, 0.0 if trial is None else trial.share)

    def _of(self, now: InForce) -> Choice:
        artifact_version, catalog_version = now.main.versions
        return Choice(
            artifact=str(now.main.artifact_directory.absolute()),
            read_at=str(now.main.read_at),
            catalog=str(now.main.catalog_file.absolute()),
            artifact_version=artifact_version,
            catalog_version=catalog_version,
            configured=self._configured(),
            canary=_canary(now),
            shadow=_shadow(now),
        )

    def _configured(self) -> tuple[str, ...]:
        """Return what the configuration names; a link that was moved names something else."""
        config = self._config
        named = (
            config.artifact.resolve(), config.catalog.absolute(), config.canary,
            config.canary_share, config.shadow, config.shadow_share,
        )  # fmt: skip
        return tuple(map(str, named))


def _canary(now: InForce) -> Trial | None:
    if now.canary is None or now.canary_arm is None:
        return None
    return Trial(str(now.canary_arm.artifact_directory.absolute()), now.canary.share)


def _shadow(now: InForce) -> Trial | None:
    if now.shadow is None or now.shadow_directory is None:
        return None
    return Trial(str(now.shadow_directory.absolute()), now.shadow.share)
