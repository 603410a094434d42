"""What a key may be good for, and which scope each method of the services needs.

A method that is not listed needs ``admin``: what somebody forgets to list is closed, not open.
"""

ROUTE = "route"
RECORD = "record"
ADMIN = "admin"
SCOPES = (ROUTE, RECORD, ADMIN)

_SERVICE = "/router.v1.RouterService/"
_NEEDED = {
    **{
        _SERVICE + name: ROUTE
        for name in ("Route", "RouteBatch", "RouteStream", "ListTiers", "Review", "GetPromise")
    },
    **{_SERVICE + name: RECORD for name in ("RecordOutcome", "RecordAudit")},
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo": ROUTE,
}
# Orchestrators and load balancers ask for health and have no key.
_OPEN = ("/grpc.health.v1.Health/",)


def needed_scope(method: str) -> str | None:
    """Return the scope a method needs; None when it is open to everybody.

    Args:
        method: Full name as gRPC gives it, such as "/router.v1.RouterService/Route".
    """
    scope = _NEEDED.get(method)
    if scope is None:
        return None if method.startswith(_OPEN) else ADMIN
    return scope
