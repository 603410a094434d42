"""The error tree of the project, in one place.

    RouterError                  base: message, reason, grpc status code name, metadata
    ├── InvalidRequestError      INVALID_ARGUMENT      a field of the call is wrong
    ├── NoCandidateError         FAILED_PRECONDITION   the call's own limits leave nobody to choose
    ├── NotCalibratedError       FAILED_PRECONDITION   a contract is asked for, none was calibrated
    ├── NotReadyError            UNAVAILABLE           no verified artifact is loaded (retryable)
    ├── NotAuthenticatedError    UNAUTHENTICATED       no key, or none that is good
    ├── NotPermittedError        PERMISSION_DENIED     the key is not for this
    ├── CallerLimitError         RESOURCE_EXHAUSTED    the key is used too much (retryable)
    ├── StoreError               UNAVAILABLE           an outcome was not made durable (retryable)
    ├── SwapError                FAILED_PRECONDITION   what is in force cannot be changed like that
    ├── OverloadedError          RESOURCE_EXHAUSTED    turned away because of load (retryable)
    ├── CatalogError             catalog file refused
    ├── PriceError               price file refused, or a price cannot be read
    ├── UsageError               INVALID_ARGUMENT      usage that no provider reports
    ├── BatchError               a deferred job, a batch file or a result refused
    ├── ConfigError              configuration refused
    ├── ArtifactError            artifact refused: missing, altered, old or not fitting the catalog
    ├── DataError                outcome data refused
    ├── TrainingError            training cannot go on, or a gate said no
    └── MissingExtraError        an optional package is needed; names the pip line

Here are only the classes; they are raised where the fault is known and mapped to gRPC once, in
``router.server.status``.
"""

from collections.abc import Mapping, Sequence


class RouterError(Exception):
    """Base of every error this project raises on purpose.

    Args:
        message: What was given, what is allowed, what to do.
        reason: UPPER_SNAKE identifier, stable across releases.
        metadata: Everything dynamic in the message again, as strings, for machines.
    """

    code: str = "INTERNAL"
    default_reason: str = "INTERNAL"

    def __init__(
        self,
        message: str,
        *,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.reason = reason or self.default_reason
        self.metadata: dict[str, str] = dict(metadata or {})


class InvalidRequestError(RouterError):
    """A field of a call is wrong. ``field`` is its path in the request message."""

    code = "INVALID_ARGUMENT"
    default_reason = "INVALID_REQUEST"

    def __init__(
        self,
        field: str,
        message: str,
        *,
        reason: str,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(f"{field}: {message}", reason=reason, metadata=metadata)
        self.field = field
        self.description = message


class NoCandidateError(RouterError):
    """The request's needs and limits leave no deployment that may serve it."""

    code = "FAILED_PRECONDITION"
    default_reason = "NO_CANDIDATE"


class NotCalibratedError(RouterError):
    """A contract is asked for, and the artifact has not been calibrated for any."""

    code = "FAILED_PRECONDITION"
    default_reason = "CONTRACT_NOT_CALIBRATED"


class NotReadyError(RouterError):
    """No verified artifact is loaded yet; the call may be retried."""

    code = "UNAVAILABLE"
    default_reason = "ARTIFACT_NOT_READY"


class NotAuthenticatedError(RouterError):
    """The call shows no key, or one that is unknown, altered, revoked or over."""

    code = "UNAUTHENTICATED"
    default_reason = "KEY_UNKNOWN"


class NotPermittedError(RouterError):
    """The key is good, and not for what is called."""

    code = "PERMISSION_DENIED"
    default_reason = "SCOPE_MISSING"


class CallerLimitError(RouterError):
    """The key is used more than it may be. ``retry_seconds`` says when to try again."""

    code = "RESOURCE_EXHAUSTED"
    default_reason = "CALLER_RATE"

    def __init__(
        self,
        message: str,
        *,
        retry_seconds: float = 0.1,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.retry_seconds = retry_seconds


class StoreError(RouterError):
    """The local store could not make an outcome durable; it was not acknowledged."""

    code = "UNAVAILABLE"
    default_reason = "STORE_UNAVAILABLE"


class SwapError(RouterError):
    """What is in force cannot be changed as asked; it stays as it is."""

    code = "FAILED_PRECONDITION"
    default_reason = "SWAP_REFUSED"


class OverloadedError(RouterError):
    """The call was turned away because of load; nothing was done for it.

    Attributes:
        cause: Short name of what is full, for counting.
        retry_seconds: How long to wait before trying again, > 0.
    """

    code = "RESOURCE_EXHAUSTED"
    default_reason = "OVERLOADED"

    def __init__(
        self,
        message: str,
        *,
        cause: str = "load",
        retry_seconds: float = 0.1,
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.cause = cause
        self.retry_seconds = retry_seconds


class CatalogError(RouterError):
    """The catalog file is refused; the message names the file and the key."""

    code = "FAILED_PRECONDITION"
    default_reason = "CATALOG_INVALID"


class PriceError(RouterError):
    """A price file is refused; the message names the file, the line and the key."""

    code = "FAILED_PRECONDITION"
    default_reason = "PRICES_INVALID"


class UsageError(RouterError):
    """A reported usage is refused: a count is missing or impossible; the message names it."""

    code = "INVALID_ARGUMENT"
    default_reason = "USAGE_INVALID"


class BatchError(RouterError):
    """A deferred job, a batch file or a result is refused; nothing of it was recorded."""

    code = "FAILED_PRECONDITION"
    default_reason = "BATCH_INVALID"


class ConfigError(RouterError):
    """The configuration is refused; the message names the key or the environment variable."""

    code = "FAILED_PRECONDITION"
    default_reason = "CONFIG_INVALID"


class ArtifactError(RouterError):
    """The artifact is refused; nothing of it is used."""

    code = "FAILED_PRECONDITION"
    default_reason = "ARTIFACT_INVALID"


class DataError(RouterError):
    """Outcome data are refused. ``problems`` lists every bad row as ``where: what``."""

    code = "FAILED_PRECONDITION"
    default_reason = "DATA_INVALID"

    def __init__(
        self,
        message: str,
        *,
        problems: Sequence[str] = (),
        reason: str | None = None,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message, reason=reason, metadata=metadata)
        self.problems = tuple(problems)


class TrainingError(RouterError):
    """Training cannot go on, or one of its gates said no."""

    code = "FAILED_PRECONDITION"
    default_reason = "TRAINING_FAILED"


class MissingExtraError(RouterError):
    """An optional package is needed here and is not installed."""

    code = "FAILED_PRECONDITION"
    default_reason = "MISSING_EXTRA"

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(
            f"the package {package!r} is needed here and is not installed: "
            f'run pip install "llm-tier-router[{extra}]", or in a checkout '
            f"pip install -e '.[{extra}]'",
            metadata={"package": package, "extra": extra},
        )
