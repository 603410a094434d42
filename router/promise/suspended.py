"""Which contracts audits found broken: asked on every decision, changed once in a long while."""

from collections.abc import Iterable

from router.types import Contract


class Suspensions:
    """Contracts under which only the top tier is permitted. Read without a lock, replaced whole."""

    def __init__(self) -> None:
        self._broken: frozenset[Contract] = frozenset()

    def __contains__(self, contract: Contract) -> bool:
        return contract in self._broken

    def __len__(self) -> int:
        return len(self._broken)

    def replace(self, contracts: Iterable[Contract]) -> None:
        """Set which contracts are suspended from now on."""
        self._broken = frozenset(contracts)
