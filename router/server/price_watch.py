"""Whether prices in force are worth a warning: looked at when a catalog comes, and every day.

Prices grow old and end while a server runs. What a warning says is ``listed``.
"""

import logging
import threading
from datetime import UTC, date, datetime

from router.catalog import Catalog
from router.server.listed import price_warnings

logger = logging.getLogger("router.server")


def utc_today() -> date:
    """Return the day on which prices are looked up."""
    return datetime.now(UTC).date()


class PriceWatch:
    """Logs what is wrong with prices, once for each catalog and day. Safe from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: tuple[Catalog, date] | None = None

    def look(self, catalog: Catalog, today: date) -> None:
        """Look at a catalog's prices; costs nothing when they were looked at today."""
        with self._lock:
            if self._seen is not None and self._seen[0] is catalog and self._seen[1] == today:
                return
            self._seen = catalog, today
            for warning in price_warnings(catalog, today):
                logger.warning("%s", warning)
