"""What a failed call tells: the error a client raises, and how it is read from gRPC's."""

from collections.abc import Mapping
from typing import Any

from google.rpc import error_details_pb2
from grpc_status import rpc_status

from router.errors import RouterError


class CallError(RouterError):
    """A call to a server failed.

    Attributes:
        code: Name of the status it ended with.
        retry_seconds: When to try again, if the server said so.
    """

    code = "UNKNOWN"
    default_reason = "CALL_FAILED"

    def __init__(
        self,
        message: str,
        *,
        code: str = "UNKNOWN",
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
        retry_seconds: float | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.code = code
        self.retry_seconds = retry_seconds


class NoDeploymentError(CallError):
    """The router answers, and its answer is that no deployment may serve the request.

    It is no outage: every deployment was looked at, those of any default tier among them.
    """

    default_reason = "NO_CANDIDATE"

    @property
    def why(self) -> dict[str, str]:
        """Return the reasons of each deployment that the status had room for."""
        return {name: said for name, said in self.metadata.items() if name != "left_out"}


def readable(error: Any, address: str, timeout_seconds: float) -> CallError:
    """Return the error of a call that gRPC says has failed.

    Args:
        error: A ``grpc.RpcError``, of a channel with or without asyncio.
        address: Whom was called.
        timeout_seconds: Deadline of the call.
    """
    code: str = error.code().name
    status = _status_of(error)
    if status is not None:
        info, retry = error_details_pb2.ErrorInfo(), error_details_pb2.RetryInfo()
        wait_seconds = None
        for detail in status.details:
            if detail.Unpack(retry):
                wait_seconds = retry.retry_delay.ToMilliseconds() / 1e3
            else:
                detail.Unpack(info)
        known = NoDeploymentError if info.reason == NoDeploymentError.default_reason else CallError
        return known(
            status.message,
            code=code,
            reason=info.reason or None,
            metadata=dict(info.metadata),
            retry_seconds=wait_seconds,
        )
    if code == "UNAVAILABLE":
        text = (
            f"no router answers at {address}; start one with 'python -m router serve', give "
            f"another address, or connect with TLS if it has it (gRPC says: {error.details()})"
        )
    elif code == "DEADLINE_EXCEEDED":
        text = (
            f"{address} did not answer within {timeout_seconds:g} s; try again or allow more time"
        )
    elif code == "CANCELLED":
        text = (
            f"{address} turned the call away unseen, because too many calls wait there or it is "
            f"stopping; try again later, with a back-off (gRPC says: {error.details()})"
        )
    else:
        text = f"{address} answered {code}: {error.details()}"
    return CallError(text, code=code, metadata={"address": address})


def _status_of(error: Any) -> Any:
    """Return the google.rpc.Status that came with an error; None without."""
    try:
        return rpc_status.from_call(error)
    except ValueError:  # somebody between us and the router put another one into the trailers
        return None
