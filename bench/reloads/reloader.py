"""What is reloaded, by chance: good, bad and half-written artifacts, and what became of each."""

import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.reloads.artifacts import SPOILS
from router.client import CallError, RouterClient
from router.v1 import admin_pb2

_REFUSED = "FAILED_PRECONDITION"


@dataclass(slots=True)
class Story:
    """What became of the reloads.

    Attributes:
        asked: Reloads by what was given.
        came: By what was given and what came of it.
        unexpected: Reloads that ended otherwise than they must.
        seconds: Time of each reload that swapped, in seconds.
        memory: Resident bytes of the server after each tenth of the reloads.
        files: Its open files at the same moments.
    """

    asked: Counter[str] = field(default_factory=Counter)
    came: Counter[tuple[str, str]] = field(default_factory=Counter)
    unexpected: list[str] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)
    files: list[int] = field(default_factory=list)


class Reloader:
    """Asks for reloads of one directory, whose content is another each time."""

    def __init__(
        self, client: RouterClient, good: Sequence[Path], catalogs: Sequence[Path], live: Path,
        generator: random.Random, *, only_good: bool,
    ) -> None:  # fmt: skip
        self._client = client
        self._only_good = only_good
        self._good = good
        self._catalogs = catalogs
        self._live = live
        self._generator = generator
        self.story = Story()

    def next(self) -> None:
        """Do what chance says: a third good, a tenth prices, a few half-written, the rest bad."""
        draw = self._generator.random()
        if draw < 0.33 or self._only_good:
            self._place(self._generator.choice(self._good))
            self._ask("good", {"CHANGED", "UNCHANGED"})
        elif draw < 0.43:
            self._place(self._generator.choice(self._good))
            self._ask("prices", {"CHANGED", "UNCHANGED"}, self._generator.choice(self._catalogs))
        elif draw < 0.46:
            self._half_written()
        else:
            name = self._generator.choice(sorted(SPOILS))
            self._place(self._generator.choice(self._good), name)
            self._ask(name, {_REFUSED})

    def good_again(self) -> None:
        """Put a good artifact in place and have it taken."""
        self._place(self._good[0])
        self._ask("good", {"CHANGED", "UNCHANGED"})

    def _place(self, artifact: Path, spoil: str = "") -> None:
        fresh = self._live.with_name("fresh")
        shutil.copytree(artifact, fresh)
        if spoil:
            SPOILS[spoil](fresh, self._generator)
        shutil.rmtree(self._live)
        fresh.rename(self._live)

    def _half_written(self) -> None:
        """Ask while the directory is written over file by file, in any order, in pieces."""
        source = self._generator.choice(self._good)
        writer = threading.Thread(
            target=_write_over,
            args=(source, self._live, random.Random(self._generator.random())),  # noqa: S311
        )
        writer.start()
        while writer.is_alive():
            # It may be refused or, once all is written, taken; the callers tell whether it was
            # taken too soon.
            self._ask("half-written", {_REFUSED, "CHANGED", "UNCHANGED"})
            time.sleep(0.02)
        writer.join()
        self._ask("good", {"CHANGED", "UNCHANGED"})

    def _ask(self, given: str, may: set[str], catalog: Path | None = None) -> None:
        request = admin_pb2.ReloadRequest(artifact=str(self._live), catalog=str(catalog or ""))
        began = time.monotonic()
        try:
            changed = self._client.reload(request).changed
            came = "CHANGED" if changed else "UNCHANGED"
        except CallError as error:
            came = error.code
            if error.code != _REFUSED:
                self.story.unexpected.append(f"{given}: {error.message}")
        if came == "CHANGED":
            self.story.seconds.append(time.monotonic() - began)
        self.story.asked[given] += 1
        self.story.came[given, came] += 1
        if came not in may and came == _REFUSED:
            self.story.unexpected.append(f"{given}: refused")
        elif came not in may:
            self.story.unexpected.append(f"{given}: {came}")


def _write_over(source: Path, target: Path, generator: random.Random) -> None:
    names = sorted(path.name for path in source.iterdir())
    generator.shuffle(names)
    for name in names:
        data = (source / name).read_bytes()
        with (target / name).open("wb") as file:
            for start in range(0, len(data), 1 << 18):
                file.write(data[start : start + (1 << 18)])
                file.flush()
                time.sleep(0.005)
