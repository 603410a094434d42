"""What a family is called in OpenTelemetry: name, unit in UCUM, names of attributes.

All follows from the family by rule, so that nothing has two descriptions. Attributes of
OpenTelemetry's conventions are taken where they mean the same; of the conventions for generative
AI none does, since no label names a model. Names of spans are in ``router.server.traces``.
"""

from dataclasses import dataclass

from router.metrics import families
from router.metrics.families import Family
from router.metrics.registry import Labels
from router.v1 import admin_pb2, router_pb2

NAMESPACE = "llm_router"

_PARTS = ("canary", "pool", "process", "shadow", "store", "worker")
"""First words that many names share; they become a level of the name."""

_UNITS = {"seconds": "s", "bytes": "By", "usd": "{USD}"}
"""Last words that are units, which OpenTelemetry keeps out of names."""

_TIMES = {"histogram": ".duration", "counter": ".time", "gauge": ""}
"""What a number of seconds is called, by kind."""

_COUNTED = {
    families.CALLS: "{call}",
    families.IN_FLIGHT: "{call}",
    families.WAITING: "{call}",
    families.ERRORS: "{error}",
    families.SHEDS: "{call}",
    families.DECISIONS: "{decision}",
    families.INELIGIBLE: "{candidate}",
    families.OUTCOMES: "{outcome}",
    families.AUDITS: "{audit}",
    families.SUSPENDED: "{contract}",
    families.STORE_ERRORS: "{error}",
    families.STORE_LOST: "{loss}",
    families.LOG_DROPPED: "{decision}",
    families.REPORTS_DROPPED: "{report}",
    families.READY: "{worker}",
    families.CHANGES: "{change}",
    families.CANARY_DECISIONS: "{decision}",
    families.SHADOW_COMPARED: "{request}",
    families.SHADOW_LEFT_OUT: "{request}",
    families.POOL_DEMAND: "{replica}",
    families.SPILLS: "{decision}",
    families.OPEN_FILES: "{file_descriptor}",
    families.WORKERS_WANTED: "{worker}",
    families.WORKER_RESTARTS: "{restart}",
}
"""What is counted. What is in neither table has no dimension."""

_ATTRIBUTES = {
    "method": "rpc.method",
    "code": "rpc.response.status_code",
    "tier": f"{NAMESPACE}.decision.tier",
    "artifact": f"{NAMESPACE}.artifact.version",
}
_ATTRIBUTES_OF = {
    (families.ERRORS, "reason"): "error.type",
    (families.DECISIONS, "reason"): f"{NAMESPACE}.decision.reason",
    (families.ARTIFACT, "version"): f"{NAMESPACE}.artifact.version",
    (families.CATALOG, "version"): f"{NAMESPACE}.catalog.version",
    (families.SHADOW_COMPARED, "shadow_tier"): f"{NAMESPACE}.shadow.tier",
}

_METHODS = {
    method.name: f"{service.full_name}/{method.name}"
    for file in (router_pb2.DESCRIPTOR, admin_pb2.DESCRIPTOR)
    for service in file.services_by_name.values()
    for method in service.methods
}


@dataclass(frozen=True, slots=True)
class Named:
    """A family as OpenTelemetry has it.

    Attributes:
        name: Of the metric.
        unit: In UCUM; "1" for what has no dimension.
        attributes: Their names, in the order of the family's labels.
    """

    name: str
    unit: str
    attributes: tuple[str, ...]

    def values(self, labels: Labels) -> dict[str, str]:
        """Return the attributes of one cell; methods carry the name of their service."""
        return {
            name: _METHODS.get(label, label) if name == "rpc.method" else label
            for name, label in zip(self.attributes, labels, strict=True)
        }


def named(family: Family) -> Named:
    """Return how a family is called."""
    words = family.name.removeprefix("router_").removesuffix("_total").split("_")
    unit = _COUNTED.get(family, "1")
    found = next((word for word in reversed(words) if word in _UNITS), None)
    if found is not None:
        words.remove(found)
        unit = _UNITS[found]
    is_part = words[0] in _PARTS and len(words) > 1
    name = f"{words[0]}.{'_'.join(words[1:])}" if is_part else "_".join(words)
    time = _TIMES[family.kind] if found == "seconds" else ""
    attributes = tuple(_attribute(family, label) for label in family.labels)
    return Named(f"{NAMESPACE}.{name}{time}", unit, attributes)


def _attribute(family: Family, label: str) -> str:
    general = _ATTRIBUTES.get(label, f"{NAMESPACE}.{label}")
    return _ATTRIBUTES_OF.get((family, label), general)
