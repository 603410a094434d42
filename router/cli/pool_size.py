"""``pools size``: GPUs for a model's weights and KV cache, by quantisation."""

import argparse
from collections.abc import Callable

from router.cli.table import lines_of_table
from router.cost.pools.pool import HOURS_PER_MONTH
from router.cost.pools.size import (
    GB,
    Gpu,
    Model,
    Variant,
    kv_bytes_per_token,
    kv_tokens,
    size,
    weights_bytes,
)
from router.errors import ConfigError

# Bytes of a weight; four bits carry a 16-bit scale for every 32 weights.
WEIGHTS = {"bf16": 2.0, "fp8": 1.0, "int4": 0.5625}
KV = {"bf16": 2.0, "fp8": 1.0}
# Beyond any model or budget, and products of a few of them are still finite.
_MOST_NUMBER = 1e18
_MOST_WHOLE = 10**9


def add_size(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add ``pools size``."""
    parser = actions.add_parser(
        "size",
        help="GPUs a model needs for its weights and KV cache, by quantisation",
        description="Print, for each quantisation, the fewest GPUs that hold so many requests at "
        "once. The figures of a model stand in its config.json. A quantised model is another "
        "deployment: its answers must be measured.",
    )
    whole, positive = _at_least_one, _above_zero
    parser.add_argument("--parameters", type=positive, required=True, help="such as 70.6e9")
    parser.add_argument("--layers", type=whole, required=True, help="num_hidden_layers")
    parser.add_argument("--kv-heads", type=whole, required=True, help="num_key_value_heads")
    parser.add_argument("--head-dim", type=whole, required=True, help="head_dim")
    parser.add_argument(
        "--context", type=whole, required=True, help="tokens of a request, input and output"
    )
    parser.add_argument("--concurrency", type=whole, required=True, help="requests at once")
    parser.add_argument("--gpu-memory-gb", type=positive, required=True, help="10^9 bytes each")
    parser.add_argument("--usable", type=positive, default=0.9, help="share (default: 0.9)")
    parser.add_argument(
        "--reserved-gb", type=_not_negative, default=2.0,
        help="of each GPU, for activations and graphs (default: 2)",
    )  # fmt: skip
    parser.add_argument(
        "--most-per-replica", type=whole, default=8, help="GPUs in a replica (default: 8)"
    )
    parser.add_argument("--usd-per-gpu-hour", type=_not_negative, help="adds USD a month")
    parser.add_argument("--weights", choices=WEIGHTS, help="only this quantisation of the weights")
    parser.add_argument("--kv", choices=KV, help="only this one of the KV cache")
    parser.set_defaults(run=print_sizes)


def print_sizes(arguments: argparse.Namespace) -> int:
    """Print the table; return 0.

    Raises:
        ConfigError: a share above 1, nothing left of a GPU, or no quantisation fits.
    """
    print("\n".join(lines_of_sizes(arguments)))
    return 0


def lines_of_sizes(arguments: argparse.Namespace) -> list[str]:
    """Return the table of quantisations; those that do not fit say so, unless none fits.

    Raises:
        ConfigError: as ``print_sizes``.
    """
    model = Model(arguments.parameters, arguments.layers, arguments.kv_heads, arguments.head_dim)
    gpu = _gpu(arguments)
    rows, refused = [], []
    for weights, weight_bytes in WEIGHTS.items():
        for kv, kv_bytes in KV.items():
            if arguments.weights not in {None, weights} or arguments.kv not in {None, kv}:
                continue
            variant = Variant(weight_bytes, kv_bytes)
            row = [
                weights,
                kv,
                f"{weights_bytes(model, variant) / GB:.1f}",
                f"{kv_bytes_per_token(model, variant) * arguments.context / GB:.2f}",
            ]
            try:
                found = size(
                    model,
                    variant,
                    gpu,
                    context_tokens=arguments.context,
                    concurrency=arguments.concurrency,
                    most_per_replica=arguments.most_per_replica,
                )
            except ConfigError as error:
                refused.append(error)
                rows.append([*row, "does not fit", "", "", ""])
                continue
            hourly = found.gpus * (arguments.usd_per_gpu_hour or 0.0)
            rows.append(
                [
                    *row,
                    f"{found.replicas} x {found.gpus_per_replica}",
                    str(found.concurrency),
                    f"{kv_tokens(model, variant, gpu, found.gpus_per_replica):,}",
                    f"{hourly * HOURS_PER_MONTH:,.0f}" if arguments.usd_per_gpu_hour else "",
                ]
            )
    if len(refused) == len(rows):
        raise refused[-1]
    header = (
        "weights", "KV cache", "weights GB", "KV GB/request", "GPUs", "at once, a replica",
        "KV tokens", "USD/month",
    )  # fmt: skip
    last = (
        f"For {arguments.concurrency} requests of {arguments.context} tokens at once. Sliding "
        "windows and shared prefixes would need less. What it serves per second must be measured."
    )
    return [*lines_of_table(header, rows, right=range(2, 8)), "", last]


def _gpu(arguments: argparse.Namespace) -> Gpu:
    if arguments.usable > 1.0:
        raise ConfigError(f"--usable {arguments.usable:g}: must be above 0 and at most 1")
    gpu = Gpu(arguments.gpu_memory_gb * GB, arguments.usable, arguments.reserved_gb * GB)
    if gpu.memory_bytes * gpu.usable <= gpu.reserved_bytes:
        raise ConfigError(
            f"--reserved-gb {arguments.reserved_gb:g}: nothing is left of {arguments.usable:g} of "
            f"{arguments.gpu_memory_gb:g} GB; it must be less"
        )
    return gpu


def _number(allowed: str, fits: Callable[[float], bool]) -> Callable[[str], float]:
    def number(text: str) -> float:
        value = float(text)
        if not (fits(value) and value <= _MOST_NUMBER):
            raise argparse.ArgumentTypeError(
                f"{text!r} given, must be a number {allowed} and at most {_MOST_NUMBER:g}"
            )
        return value

    return number


_above_zero = _number("> 0", lambda value: value > 0.0)
_not_negative = _number(">= 0", lambda value: value >= 0.0)


def _at_least_one(text: str) -> int:
    value = int(text)
    if not 1 <= value <= _MOST_WHOLE:
        raise argparse.ArgumentTypeError(
            f"{text!r} given, must be a whole number from 1 to {_MOST_WHOLE}"
        )
    return value
