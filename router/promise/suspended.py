"""Which contracts audits found broken: asked on every decision, changed once in a long while."""

from collections.abc import Iterable

from router.types import Contract


class Suspensions:
    """Contracts under which only the top tier is permitted, of contracts per topic topic by topic.

    Read without a lock, replaced whole. None is taken back: what is broken stays so until the next
    calibration, which has suspensions of its own, even if the store that told it is lost.
    """

    def __init__(self) -> None:
        self._broken: frozenset[tuple[Contract, str]] = frozenset()

    def __contains__(self, promise: tuple[Contract, str]) -> bool:
        """Tell whether a contract is suspended in a topic; "" = over all traffic."""
        return promise in self._broken

    def __len__(self) -> int:
        return len(self._broken)

    def add(self, promises: Iterable[tuple[Contract, str]]) -> None:
        """Suspend contracts from now on, each in its topic or, with "", over all traffic."""
        self._broken = self._broken.union(promises)
