"""Artifacts of any number of tiers, catalogs of any number of deployments and live pools.

The heads of an artifact with other tiers are those of the shipped one, mixed: its tiers lie evenly
on the way from the lowest shipped tier to the highest. So everything before the last step is as
shipped, and nothing has to be trained. It needs the packages of training (onnx).
"""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
from onnx import helper, numpy_helper

from bench.growth.axes import SHIPPED, Setup
from bench.variants import copy_with_heads, rename_output, seal, without_contracts
from router.defaults import default_artifact_directory, default_catalog_path
from router.predict.artifact import LENGTH_BOUNDS
from router.predict.files import read_json

_PAGE = (
    b'vllm:num_requests_waiting{engine="0"} 0.0\n'
    b'vllm:num_requests_running{engine="0"} 5.0\n'
    b'vllm:kv_cache_usage_perc{engine="0"} 0.25\n'
)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a setup lies on the disk."""

    artifact: Path
    catalog: Path


def write_setup(setup: Setup, root: Path, url: str) -> Place:
    """Write a setup below a directory, where it is not there yet.

    Args:
        setup: What is to be written.
        root: The directory.
        url: Where the load of every pool is read.
    """
    if setup == SHIPPED:
        return Place(default_artifact_directory(), default_catalog_path())
    artifact = root / f"artifact-{setup.tiers}"
    if not artifact.exists():
        write_with_tiers(default_artifact_directory(), artifact, setup.tiers)
    catalog = root / f"catalog-{setup.tiers}-{setup.deployments}-{setup.pools}.toml"
    catalog.write_text(catalog_text(setup, url), encoding="utf-8")
    return Place(artifact, catalog)


def write_with_tiers(source: Path, target: Path, tiers: int) -> None:
    """Write an artifact of so many tiers, without contracts and reviews, which go by tiers."""
    manifest = read_json(source / "manifest.json")
    mixing = mixture(len(manifest["tiers"]), tiers)

    def mix(graph: onnx.GraphProto) -> None:
        graph.initializer.append(numpy_helper.from_array(mixing, "mixing"))
        for output in graph.output:
            if output.name in ("adequacy", "output_tokens"):
                rename_output(graph, output.name, f"{output.name}_shipped")
                inputs = [f"{output.name}_shipped", "mixing"]
                graph.node.append(helper.make_node("MatMul", inputs, [output.name]))
                output.type.tensor_type.shape.dim[1].dim_value = tiers

    copy_with_heads(source, target, mix)
    without_contracts(target, manifest)
    nearest = mixing.argmax(axis=0).tolist()
    bounds = manifest[LENGTH_BOUNDS]
    for table in (bounds, *bounds.get("quantiles", ())):
        for key in {"edges", "factors"} & table.keys():
            table[key] = [table[key][at] for at in nearest]
    manifest["tiers"] = [{"name": f"t{n}", "reference_model": f"m{n}"} for n in range(tiers)]
    seal(target, manifest)


def mixture(before: int, after: int) -> npt.NDArray[np.float32]:
    """Return (before, after) shares, each column's sum 1, of columns evenly on the way."""
    place = np.linspace(0.0, before - 1.0, after)
    shares = 1.0 - np.abs(np.arange(before)[:, None] - place[None, :])
    return np.clip(shares, 0.0, None).astype(np.float32)


def catalog_text(setup: Setup, url: str) -> str:
    """Return a catalog; the dearest tiers cost sixty times what the cheapest cost."""
    tiers = "".join(
        f'[[tiers]]\nname = "t{n}"\nreference_model = "m{n}"\n' for n in range(setup.tiers)
    )
    pools = "".join(_pool_text(n, url) for n in range(setup.pools))
    first = setup.deployments - setup.pools
    deployments = "".join(
        _deployment_text(n, n % setup.tiers, setup.tiers, n - first)
        for n in range(setup.deployments)
    )
    return (
        'format = 1\nname = "growth"\nadequate_quality = 0.5\n'
        f"[default_goal]\nwillingness_to_pay_usd = 0.02\n{tiers}{pools}{deployments}"
    )


def _pool_text(number: int, url: str) -> str:
    return (
        f'[[pools]]\nname = "p{number}"\nreplicas = 2\ngpus_per_replica = 1\n'
        "usd_per_gpu_hour = 3.0\n[pools.throughput]\nconcurrency = 64\n"
        "prefill_tokens_per_s = 20000\ndecode_tokens_per_s = 2000\n"
        f'[pools.load]\nengine = "vllm"\nurls = ["{url}"]\nstale_after_s = 3600\n'
    )


def _deployment_text(number: int, tier: int, tiers: int, pool: int) -> str:
    usd = 0.1 * 60.0 ** (tier / (tiers - 1))
    kind = f'kind = "gpu"\npool = "p{pool}"' if pool >= 0 else 'kind = "api"'
    return (
        f'[[deployments]]\nid = "d{number}"\ntier = "t{tier}"\n{kind}\nprovider = "p"\n'
        'model = "m"\ncontext_window_tokens = 200000\nmax_output_tokens = 8192\n'
        f"[deployments.price]\ninput_usd_per_mtok = {usd:.4f}\n"
        f'output_usd_per_mtok = {usd * 4:.4f}\nas_of = 2026-11-01\nsource = "made up"\n'
    )


class _Page(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(_PAGE)))
        self.end_headers()
        self.wfile.write(_PAGE)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@contextmanager
def engine_metrics() -> Iterator[str]:
    """Serve the load of an inference engine that is half busy; give its address."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/metrics"
        server.shutdown()
