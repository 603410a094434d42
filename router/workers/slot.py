"""One place of a worker: its process, what it last told, and when it is started again.

All methods but ``snapshots`` belong to the thread that supervises.
"""

import logging
import socket
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

from router.metrics.registry import Snapshot, counters_of, from_line, merged
from router.workers.order import Order

ASK_SECONDS = 1.0
HUNG_SECONDS = 15.0
START_SECONDS = 120.0
FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 10.0
_STEADY_SECONDS = 5.0

logger = logging.getLogger("router.workers")


class Slot:
    """A worker that is replaced when it ends.

    Args:
        order: What its process is told.
        clock: Seconds that only grow.

    Attributes:
        is_ready: Whether it takes calls.
        restarts: How often it had to be replaced.
        link: Socket to the process; None while there is none.
        status: How its last process ended, as ``subprocess`` says it; None if none has.
    """

    def __init__(self, order: Order, clock: Callable[[], float]) -> None:
        self.index = order.index
        self.is_ready = False
        self.restarts = 0
        self.link: socket.socket | None = None
        self.status: int | None = None
        self._order = order
        self._clock = clock
        self._process: subprocess.Popen[bytes] | None = None
        self._unread = b""
        self._told: tuple[Snapshot, Snapshot] = ({}, {})  # of processes that have gone, of this one
        self._has_served = False
        self._asked: float | None = None
        self._next_ask = 0.0
        self._started = 0.0
        self._start_at = 0.0
        self._pause = FIRST_PAUSE_SECONDS

    @property
    def pid(self) -> int | None:
        """Process id of the worker; None while there is none."""
        return None if self._process is None else self._process.pid

    def snapshots(self) -> tuple[Snapshot, Snapshot]:
        """Return the counters of processes that have gone, and what this one last told."""
        return self._told

    def start(self) -> None:
        """Start the process.

        Raises:
            OSError: the machine gives none now.
        """
        ours, its = socket.socketpair()
        try:
            with its:
                ours.sendall(self._order.to_line().encode() + b"\n")
                self._process = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                    [sys.executable, "-m", "router.workers.worker", str(its.fileno())],
                    stdin=subprocess.DEVNULL,
                    stdout=subprocess.DEVNULL,
                    pass_fds=[its.fileno()],
                )
        except OSError:
            ours.close()
            raise
        ours.setblocking(False)
        self.link, self._unread, self._asked, self._has_served = ours, b"", None, False
        self._started = self._clock()

    def look(self, *, restart: bool) -> bool:
        """Notice what has happened and do what is due; return whether the process has just ended.

        Args:
            restart: Whether one that has ended is to be started again.
        """
        now = self._clock()
        if self._process is None:
            if restart and now >= self._start_at:
                self._start_again(now)
            return False
        self.read()
        if self._process.poll() is not None:
            self.read()  # what it said last
            self._ended(now)
            return True
        self._ask(now)
        return False

    def _start_again(self, now: float) -> None:
        """Start the process; what the machine refuses now is tried again after a pause."""
        try:
            self.start()
        except OSError as error:  # no memory, process or descriptor is left; the others go on
            self._pause = min(self._pause * 2, LONGEST_PAUSE_SECONDS)
            self._start_at = now + self._pause
            logger.error("worker %d cannot be started now: %s", self.index, error)

    def signal(self, number: int) -> None:
        """Send a signal to the process, if there is one."""
        if self._process is not None:
            self._process.send_signal(number)

    def read(self) -> None:
        """Take what the process has sent."""
        if self.link is None:
            return
        try:
            while data := self.link.recv(1 << 20):
                self._unread += data
        except BlockingIOError:
            pass
        except OSError:
            return  # the process has gone; poll will say so
        *lines, self._unread = self._unread.split(b"\n")
        for line in lines:
            self._take(line.decode())

    def send(self, word: str) -> None:
        """Send a line to the process; one that reads nothing for long is found to hang."""
        if self.link is not None:
            try:
                self.link.sendall(word.encode() + b"\n")
            except OSError as error:
                logger.warning("worker %d cannot be asked: %s", self.index, error)

    def close(self) -> None:
        """Kill the process if it still runs, and forget it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._ended(self._clock())

    def _take(self, line: str) -> None:
        word, _, rest = line.partition(" ")
        if word == "ready":
            self.is_ready = self._has_served = True
            logger.info("worker %d is ready, process %s", self.index, self.pid)
        elif word == "draining":
            self.is_ready = False
        elif word == "snapshot":
            self._asked = None
            self._told = (self._told[0], from_line(rest))

    def _ask(self, now: float) -> None:
        waited = now - (self._started if self._asked is None else self._asked)
        if self._asked is not None and waited > HUNG_SECONDS:
            logger.error("worker %d has not answered for %.0f s: killed", self.index, waited)
            self.signal(9)
        elif self._has_served and self._asked is None and now >= self._next_ask:
            self._asked, self._next_ask = now, now + ASK_SECONDS
            self.send("snapshot")
        elif not self._has_served and waited > START_SECONDS:
            logger.error("worker %d was not ready after %.0f s: killed", self.index, waited)
            self.signal(9)

    def _ended(self, now: float) -> None:
        process, self._process = self._process, None
        if process is None or self.link is None:
            return
        self.link.close()
        self.link = None
        gone, last = self._told
        self._told = (merged([gone, counters_of(last)]), {})
        was_steady = self.is_ready and now - self._started > _STEADY_SECONDS
        self.is_ready = False
        self._pause = (
            FIRST_PAUSE_SECONDS if was_steady else min(self._pause * 2, LONGEST_PAUSE_SECONDS)
        )
        self._start_at = now + self._pause
        self.status = process.returncode


def slots(order: Order, count: int, clock: Callable[[], float]) -> list[Slot]:
    """Return the places of all workers."""
    return [Slot(replace(order, index=index), clock) for index in range(count)]
