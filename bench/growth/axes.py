"""What grows, and what is held fast meanwhile: one axis after the other, point by point."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Setup:
    """Artifact and catalog of a server.

    Attributes:
        tiers: That the artifact predicts for.
        deployments: Of the catalog, dealt to the tiers in turn; at least ``tiers``.
        pools: Live pools, each under one of the last deployments.
    """

    tiers: int
    deployments: int
    pools: int = 0


SHIPPED = Setup(3, 3)
"""The shipped artifact and the default catalog themselves, and not an imitation."""


@dataclass(frozen=True, slots=True)
class Point:
    """One place on an axis.

    Attributes:
        value: What grew, up to here.
        setup: Who answers.
        tokens: Of each message.
        messages: Of a request.
    """

    value: int
    setup: Setup
    tokens: int = 100
    messages: int = 1


@dataclass(frozen=True, slots=True)
class Axis:
    """What grows.

    Attributes:
        name: On the command line and in rows.
        title: In tables and pictures: what ``value`` counts.
        points: From the smallest.
        base: Value of the point that the others are compared with.
    """

    name: str
    title: str
    points: tuple[Point, ...]
    base: int


AXES = (
    Axis(
        "tokens", "tokens of the prompt",
        tuple(Point(n, SHIPPED, tokens=n) for n in (20, 500, 5_000, 50_000)), 500,
    ),
    Axis(
        "messages", "messages of 20 tokens each",
        tuple(Point(n, SHIPPED, tokens=20, messages=n) for n in (1, 10, 100, 1_000)), 1,
    ),
    Axis(
        "tiers", "tiers, with a deployment each",
        tuple(Point(n, Setup(n, n)) for n in (2, 4, 8, 16, 32)), 2,
    ),
    Axis(
        "pools", "live pools under 32 deployments",
        tuple(Point(n, Setup(3, 32, n)) for n in (0, 4, 8, 16, 32)), 0,
    ),
)  # fmt: skip
