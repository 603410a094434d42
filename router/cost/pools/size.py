"""How many GPUs a model needs, and how many requests they hold at once: weights and KV cache.

Closed form over dense attention with grouped heads. Not counted: sliding windows, shared prefixes
and paging waste; all but the last make the truth better. What it then serves per second is measured
and stated in the catalog, not computed.
"""

from math import ceil
from typing import NamedTuple

from router.errors import ConfigError

GB = 1e9


class Model(NamedTuple):
    """What memory needs to know of a model, each > 0.

    Attributes:
        parameters: Weights, experts that a token does not use included.
        layers: With attention.
        kv_heads: Of each layer; fewer than query heads where heads are grouped.
        head_dim: Numbers in a head's key, and in its value.
    """

    parameters: float
    layers: int
    kv_heads: int
    head_dim: int


class Variant(NamedTuple):
    """A quantisation of a model, in bytes, each > 0.

    Attributes:
        weight_bytes: Per weight, scales included.
        kv_bytes: Per number in the KV cache.
    """

    weight_bytes: float
    kv_bytes: float


class Gpu(NamedTuple):
    """A GPU.

    Attributes:
        memory_bytes: Its memory, > 0.
        usable: Share of it the engine may take, in (0, 1].
        reserved_bytes: Of that, for activations and graphs, >= 0.
    """

    memory_bytes: float
    usable: float = 0.9
    reserved_bytes: float = 2e9


class Size(NamedTuple):
    """GPUs that hold what is asked for.

    Attributes:
        gpus_per_replica: A power of two.
        replicas: Equal ones.
        concurrency: Requests at full context that one replica holds.
    """

    gpus_per_replica: int
    replicas: int
    concurrency: int

    @property
    def gpus(self) -> int:
        """All of them."""
        return self.gpus_per_replica * self.replicas


def weights_bytes(model: Model, variant: Variant) -> float:
    """Return the memory of all weights, in bytes."""
    return model.parameters * variant.weight_bytes


def kv_bytes_per_token(model: Model, variant: Variant, gpus: int = 1) -> float:
    """Return the KV cache of one token, in bytes over all GPUs of a replica.

    Key and value of every head of every layer. More GPUs than KV heads hold heads several times.
    """
    once = 2.0 * model.layers * model.kv_heads * model.head_dim * variant.kv_bytes
    return once * max(gpus / model.kv_heads, 1.0)


def kv_tokens(model: Model, variant: Variant, gpu: Gpu, gpus: int) -> int:
    """Return the tokens the KV cache of one replica holds; 0 where the weights do not fit.

    Args:
        model: Is served.
        variant: Its quantisation.
        gpu: Of which kind.
        gpus: Of the replica, which share the weights evenly, >= 1.
    """
    room = gpus * (gpu.memory_bytes * gpu.usable - gpu.reserved_bytes)
    left = room - weights_bytes(model, variant)
    return max(int(left // kv_bytes_per_token(model, variant, gpus)), 0)


def size(
    model: Model,
    variant: Variant,
    gpu: Gpu,
    *,
    context_tokens: int,
    concurrency: int,
    most_per_replica: int = 8,
) -> Size:
    """Return the fewest GPUs that hold so many requests; of equals, the smallest replicas.

    Args:
        model: Is served.
        variant: Its quantisation.
        gpu: Of which kind.
        context_tokens: Of each request, input and output together, >= 1.
        concurrency: Requests at once, >= 1.
        most_per_replica: GPUs that can share a replica, >= 1.

    Raises:
        ConfigError: not even the largest replica holds the weights and one request.
    """
    found: list[Size] = []
    gpus = 1
    while gpus <= most_per_replica:
        held = kv_tokens(model, variant, gpu, gpus) // context_tokens
        if held:
            found.append(Size(gpus, ceil(concurrency / held), held))
        gpus *= 2
    if not found:
        largest = gpus // 2
        raise ConfigError(
            f"weights of {weights_bytes(model, variant) / GB:.1f} GB and a request of "
            f"{context_tokens} tokens do not fit {largest} GPUs of {gpu.memory_bytes / GB:g} GB "
            "each: quantise further, take larger GPUs, more of them in a replica, or a shorter "
            "context",
            metadata={"gpus": str(largest)},
        )
    return min(found, key=lambda one: (one.gpus, one.gpus_per_replica))
