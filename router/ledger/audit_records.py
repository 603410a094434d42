"""The nouns of the store of audits, and why a report of one can be refused."""

from dataclasses import dataclass

from router.errors import RouterError
from router.promise.contract import ContractTerms
from router.types import Contract


class AuditUnknownError(RouterError):
    """No audit was asked for of the decision that is reported."""

    code = "NOT_FOUND"
    default_reason = "AUDIT_UNKNOWN"


class AuditConflictError(RouterError):
    """The audit was reported before with other qualities."""

    code = "ALREADY_EXISTS"
    default_reason = "AUDIT_CONFLICT"


class AuditExpiredError(RouterError):
    """The audit was open too long and counts with loss 0 for good."""

    code = "FAILED_PRECONDITION"
    default_reason = "AUDIT_EXPIRED"


@dataclass(frozen=True, slots=True)
class DrawnAudit:
    """A decision that won the lottery, with all that a later report is held against.

    Attributes:
        decision_id: Its id, and the audit's.
        calibration: See ``router.promise.audit.calibration_id``.
        contract: As the request stated it.
        terms: What the contract rested on.
        tier: Tier that was chosen; the top tier loses nothing and needs no report. Empty where
            reviews decide whose answer is kept.
        top_tier: Tier it is compared with.
        probability: Of the draw, in (0, 1].
        artifact_version: That decided.
        adequate_quality: Least quality of an adequate answer.
    """

    decision_id: str
    calibration: str
    contract: Contract
    terms: ContractTerms
    tier: str
    top_tier: str
    probability: float
    artifact_version: str
    adequate_quality: float


@dataclass(frozen=True, slots=True)
class Watched:
    """What audits say of one contract, or of one topic of it, under one calibration.

    Attributes:
        calibration: Whose promise is watched.
        contract: The promise.
        topic: In which it is watched, if the contract is per topic; else empty.
        level: Greatest probability that the watch calls a kept promise broken.
        started_unix: Seconds since 1970, first draw.
        suspended_unix: When it was found broken; None if it was not.
        audits: Drawn, those of the top tier included.
        known: Audits whose loss is known.
        lost: Known audits that lost.
        evidence: Greatest wealth against the contract, >= 1.
        lower_bound: See ``MonitorState.lower_bound``.
    """

    calibration: str
    contract: Contract
    topic: str
    level: float
    started_unix: float
    suspended_unix: float | None
    audits: int
    known: int
    lost: int
    evidence: float
    lower_bound: float

    @property
    def promise(self) -> tuple[Contract, str]:
        """The contract and its topic, as ``router.promise.suspended`` names a promise."""
        return self.contract, self.topic

    @property
    def suspended(self) -> bool:
        """Whether it was found broken. Once true it stays so."""
        return self.suspended_unix is not None


@dataclass(frozen=True, slots=True)
class Reported:
    """What a report led to."""

    duplicate: bool
    loss: float
    watched: Watched
