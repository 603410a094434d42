"""How long ``decide`` takes while the router answers, and while it does not.

``python -m bench.client`` prints rows of the table in docs/client.md.
"""

import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

from router.cli.child import ServerProcess
from router.client import RouterClient
from router.v1 import router_pb2 as pb

_REQUEST = pb.RouteRequest(prompt="Name three rivers that flow into the Black Sea.")


def main() -> int:
    """Print rows of a table; return 0."""
    with tempfile.TemporaryDirectory() as directory:
        flags = ["--address", "127.0.0.1:0", "--store", str(Path(directory) / "o.sqlite3")]
        with ServerProcess(flags) as server:
            client = RouterClient(server.address, default_tier="large")
            client.decide(_REQUEST)
            _row("the router answers", [_ms(client) for _ in range(20)])
    _row("it has just stopped", [_ms(client)])
    _row("it is gone, the first tries", [_ms(client) for _ in range(20)])
    for _ in range(80):
        client.decide(_REQUEST)
    _row("it is gone, after 100 calls", [_ms(client) for _ in range(20)])
    client.close()
    closed = grpc.server(ThreadPoolExecutor(1))
    port = closed.add_insecure_port("127.0.0.1:0")
    closed.stop(None).wait()
    fresh = [RouterClient(f"127.0.0.1:{port}", default_tier="large") for _ in range(20)]
    _row("it was never there, first call of a client", [_ms(one) for one in fresh])
    _row("deadline of 20 ms, never there", [_ms(one, 0.02) for one in fresh])
    return 0


def _ms(client: RouterClient, timeout_seconds: float | None = None) -> float:
    started = time.perf_counter()
    client.decide(_REQUEST, timeout_seconds=timeout_seconds)
    return (time.perf_counter() - started) * 1e3


def _row(name: str, times: list[float]) -> None:
    print(f"| {name} | {statistics.median(times):.1f} ms |")


if __name__ == "__main__":
    raise SystemExit(main())
