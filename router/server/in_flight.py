"""How many calls are being served."""


class CallsInFlight:
    """A count that only the loop's thread changes."""

    __slots__ = ("count",)

    def __init__(self) -> None:
        self.count = 0
