"""The event loop that all servers of a process share, in a thread of its own.

gRPC's asyncio layer has one poller per process; with one loop it has one reader. Everything else
(command line, tests, an application that embeds a server) stays free of asyncio.
"""

import asyncio
import threading
from collections.abc import Coroutine
from functools import cache
from typing import Any, TypeVar

_Result = TypeVar("_Result")


@cache
def shared_loop() -> asyncio.AbstractEventLoop:
    """Return the running loop; the first call starts it. It ends with the process."""
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, name="router-loop", daemon=True).start()
    return loop


def run(coroutine: Coroutine[Any, Any, _Result]) -> _Result:
    """Run a coroutine on the shared loop, from any other thread, and return its result."""
    return asyncio.run_coroutine_threadsafe(coroutine, shared_loop()).result()
