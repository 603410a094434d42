"""The first decisions of a new arm, made before callers wait for them.

They go the way of a call, from request to bytes, so that what fails for every request fails here.
"""

from dataclasses import replace

from router.cost.pools.live import live_pools
from router.errors import NoCandidateError, RouterError
from router.server.arm import Arm
from router.types import Message, Request

_TEXTS = (
    "Hello!",
    "Qu'est-ce que c'est? 一つ目の質問です。",
    "Explain step by step why the sum of two odd numbers is even.\n" * 200,
)


def warm(arm: Arm) -> None:
    """Decide a few requests with the default goal, one by one and at once.

    Raises:
        RouterError: no request could be decided, for a reason that is not the request's.
    """
    engine = arm.engine
    if engine.pools is not None:  # nobody sends these, so the pools in force must not count them
        pools = live_pools(engine.catalog.deployments, engine.catalog.pools)
        engine = replace(engine, pools=pools)
    requests = [Request((Message("user", text),)) for text in _TEXTS]
    for request in requests:
        try:
            arm.answers.written(engine.route(request), "")
        except (
            NoCandidateError
        ):  # a catalog may leave the default goal no one; callers state theirs
            continue
    for result in engine.route_many(requests):
        if isinstance(result, RouterError) and not isinstance(result, NoCandidateError):
            raise result
