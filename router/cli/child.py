"""A server in a process of its own, for the demo and for measurements of the real command."""

import re
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Self

from router.errors import NotReadyError

READY_LINE = "ready on {address}"
_READY = re.compile(r"ready on (\S+)")
_STOP_SECONDS = 15.0


class ServerProcess:
    """``python -m router serve`` as a child, ready when this is constructed.

    Use as a context manager, or call ``stop``.

    Args:
        arguments: Arguments after ``serve``.

    Attributes:
        address: host:port it listens on.
        pid: Its process id.

    Raises:
        NotReadyError: it ended before it was ready; the message holds what it wrote last.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        # A file, because a pipe that nobody reads would stop the server once it is full.
        self._log = tempfile.TemporaryFile(mode="w+", encoding="utf-8")  # noqa: SIM115
        self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
            [sys.executable, "-m", "router", "serve", *arguments],
            stdout=subprocess.PIPE,
            stderr=self._log,
            text=True,
        )
        self.pid = self._process.pid
        if self._process.stdout is None:  # cannot be, with PIPE; tells the type checker so
            raise NotReadyError("the server's output cannot be read")
        match = _READY.match(self._process.stdout.readline())
        if match is None:
            self._process.communicate()
            self._log.seek(0)
            last = (self._log.read().strip().splitlines() or ["it wrote nothing"])[-1]
            self._log.close()
            raise NotReadyError(f"the server ended before it was ready: {last}")
        self.address = match[1]

    def stop(self) -> int:
        """Ask it to stop, wait, and return its exit status."""
        self._process.terminate()
        try:
            self._process.communicate(timeout=_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        self._log.close()
        return self._process.returncode

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
