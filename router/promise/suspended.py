"""Which contracts audits found broken: asked on every decision, changed once in a long while."""

from collections.abc import Iterable

from router.types import Contract


class Suspensions:
    """Contracts under which only the top tier is permitted, of contracts per topic topic by topic.

    Read without a lock, replaced whole.
    """

    def __init__(self) -> None:
        self._broken: frozenset[tuple[Contract, str]] = frozenset()

    def __contains__(self, promise: tuple[Contract, str]) -> bool:
        """Tell whether a contract is suspended in a topic; "" = over all traffic."""
        return promise in self._broken

    def __len__(self) -> int:
        return len(self._broken)

    def replace(self, promises: Iterable[tuple[Contract, str]]) -> None:
        """Set which contracts are suspended from now on, each with its topic or ""."""
        self._broken = frozenset(promises)
