"""What a server follows by itself: new files, API keys, what was chosen in another process."""

import logging
from collections.abc import Callable

from router.catalog import Catalog
from router.config import Config
from router.errors import RouterError
from router.rollout.watcher import Watcher
from router.server.arm import InForce
from router.server.chosen import Chosen
from router.server.gate import Gate
from router.server.price_watch import utc_today
from router.server.versions import Versions

CHOICE_SECONDS = 0.25
CHOICE_AGAIN_SECONDS = 5.0

logger = logging.getLogger("router.server")


def priced_for(catalog: Catalog) -> str:
    """Return the day whose prices are to hold; empty where a catalog names no dated ones."""
    return utc_today().isoformat() if catalog.price_files else ""


class Following:
    """Watchers of artifact, catalog, choice and keys, as far as they are configured.

    Args:
        config: All settings.
        tell: Told whether "reload" is well, from any thread.
        gate: Whose file of keys is followed; None without one.
    """

    def __init__(
        self, config: Config, tell: Callable[[str, bool], None], gate: Gate | None = None
    ) -> None:
        self._config = config
        self._tell = tell
        self._callers = None if gate is None else gate.callers
        self._chosen = None if config.choice is None else Chosen(config.choice, config)
        self._has_failed = False
        self._watchers: list[Watcher] = []

    def keep(self, now: InForce) -> str:
        """Keep who is in force, if that is wanted; return what is to be said of it."""
        return "" if self._chosen is None else self._chosen.keep(now)

    def begin(self, versions: Versions) -> None:
        """Put in force what was chosen before the last stop; what cannot be is told."""
        if self._chosen is not None:
            try:
                self._follow(self._chosen, versions)
            except RouterError as error:
                logger.warning("what is configured serves: %s", error.message)

    def watch(self, versions: Versions) -> None:
        """Look at the files from now on, until ``close``."""
        if self._callers is not None:
            self._callers.follow()
        chosen, seconds = self._chosen, self._config.watch_seconds
        if seconds:
            self._watchers.append(
                Watcher(
                    versions.read_paths,
                    seconds,
                    lambda: versions.reload("files"),
                    also=lambda: priced_for(versions.switch.now.main.engine.catalog),
                )
            )
        if chosen is not None:
            self._watchers.append(
                Watcher(
                    lambda: [chosen.path],
                    CHOICE_SECONDS,
                    lambda: self._follow(chosen, versions),
                    again_seconds=CHOICE_AGAIN_SECONDS,
                )
            )

    def close(self) -> None:
        """Look no more; waits for a change that was begun."""
        for watcher in self._watchers:
            watcher.close()
        if self._callers is not None:
            self._callers.close()

    def _follow(self, chosen: Chosen, versions: Versions) -> None:
        try:
            chosen.follow(versions)
        except RouterError as error:
            self._has_failed = True
            logger.error("what was chosen is not in force here: %s", error.message)
            self._tell("reload", False)
            raise
        if self._has_failed:
            self._has_failed = False
            self._tell("reload", True)
