"""What a server says in gRPC's health service of itself and of its parts.

Names: "liveness", "readiness", the service's full name and the empty name; all but liveness turn
NOT_SERVING when the server is asked to stop. "promise" is NOT_SERVING while audits have found a
contract broken, "outcomes" while the store takes none, "reload" while the latest reload was
refused, and "pools" while a pool of the catalog is down or its load unknown; the others do not
care.
"""

import asyncio
from typing import Any

from grpc_health.v1 import health, health_pb2

from router.server.loop import shared_loop
from router.server.service import SERVICE

READY_NAMES = ("", SERVICE, "readiness")


class Health(health.aio.HealthServicer):
    """The health service, which knows how many watch it: their calls last, and keep nobody busy.

    Attributes:
        watching: Calls of ``Watch`` that are open.
    """

    watching = 0

    async def Watch(self, request: Any, context: Any) -> None:  # noqa: N802 - gRPC's name
        """Tell of changes until the caller leaves."""
        self.watching += 1
        try:
            await super().Watch(request, context)
        finally:
            self.watching -= 1

    async def begin(self) -> None:
        """Say that the server lives and is ready."""
        await self._say("liveness", is_well=True)
        await self.set_ready(True)

    async def set_ready(self, is_ready: bool) -> None:
        """Say whether calls are to be sent here."""
        for name in READY_NAMES:
            await self._say(name, is_well=is_ready)

    def tell(self, name: str, is_well: bool) -> None:
        """Say how a part is; from any thread."""
        asyncio.run_coroutine_threadsafe(self._say(name, is_well=is_well), shared_loop())

    async def _say(self, name: str, *, is_well: bool) -> None:
        states = health_pb2.HealthCheckResponse
        await self.set(name, states.SERVING if is_well else states.NOT_SERVING)
