"""How many calls are being served, and how many may be."""

from router.errors import OverloadedError
from router.server.counted import Counted
from router.server.traces import Traces


class CallsInFlight:
    """A count that only the loop's thread changes, its limit, and who is told how calls end."""

    __slots__ = ("count", "counted", "limit", "traces")

    def __init__(
        self, counted: Counted | None = None, limit: int = 1024, traces: Traces | None = None
    ) -> None:
        self.count = 0
        self.counted = counted or Counted()
        self.limit = limit
        self.traces = traces

    def check(self) -> None:
        """Turn the call that was counted last away, if it is one too many.

        Raises:
            OverloadedError: it is.
        """
        if self.count > self.limit:
            raise OverloadedError(
                f"turned away: {self.limit} calls are in flight, the most this server takes; try "
                "again later, with a back-off",
                cause="concurrent_calls",
                metadata={"limit": str(self.limit)},
            )
