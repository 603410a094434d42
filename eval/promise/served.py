"""Contracts kept in use by a real server: recorded prompts replayed, audits reported over gRPC.

Texts are not in the repository, so the recorded vectors enter where the encoder's would, below
gRPC; from there on everything is the server's own: the decision, the lottery, the durable store,
``RecordAudit``, health. What is asked in which order is the caller's.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import grpc
import numpy as np
from grpc_health.v1 import health_pb2, health_pb2_grpc

from eval.arrays import FloatArray
from eval.outcomes import OutcomeTable, require_inputs
from router.config import Config
from router.engine import Engine
from router.predict.predictor import predict_recorded
from router.server.answer import Answers
from router.server.app import RouterServer
from router.types import Contract, Goal, Prediction, Request
from router.v1 import router_pb2 as pb
from router.v1.router_pb2_grpc import RouterServiceStub


@dataclass(frozen=True, slots=True)
class Traffic:
    """Prompts to draw requests from.

    Attributes:
        predictions: n predictions.
        input_tokens: (n,) tokens.
        quality: (n, tiers) recorded, columns in the catalog's order of tiers.
    """

    predictions: Sequence[Prediction]
    input_tokens: FloatArray
    quality: FloatArray


@dataclass(frozen=True, slots=True)
class Stretch:
    """What happened during some requests.

    Attributes:
        requests: How many were asked.
        cheap: Of those, went below the top tier.
        lost: Lost an adequate answer against the top tier, audited or not.
        audits: Drawn for an audit, the top tier's included.
        suspended: Whether the contract was found broken by the end.
        evidence: (request, evidence) at every report, requests counted from 1.
        losses: Requests that lost, counted from 1.
    """

    requests: int
    cheap: int
    lost: int
    audits: int
    suspended: bool
    evidence: tuple[tuple[int, float], ...]
    losses: tuple[int, ...]


def traffic_of(engine: Engine, table: OutcomeTable) -> Traffic:
    """Predict for recorded prompts that have an outcome of every tier.

    Raises:
        DataError: the vectors are of another encoder than the artifact's.
    """
    require_inputs(table, engine.artifact.manifest.encoder_sha256)
    usable = table.for_models([tier.reference_model for tier in engine.catalog.tiers])
    return Traffic(
        predict_recorded(engine.artifact, usable.vectors, usable.features),
        usable.input_tokens,
        usable.quality.astype(np.float64),
    )


class ServedContract:
    """A running server under one contract. Use as a context manager.

    Args:
        config: Settings of the server; its audit share is what is studied.
        contract: Goal of every request.
        rng: Source of the decisions' ids, and so of the lottery.
    """

    def __init__(self, config: Config, contract: Contract, rng: np.random.Generator) -> None:
        self._server = RouterServer(config)
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._server.port}")
        self._stub = RouterServiceStub(self._channel)
        self._request = Request(messages=(), goal=Goal(contract=contract))
        self._rng = rng

    @property
    def engine(self) -> Engine:
        """The engine that decides."""
        return self._server.engine

    @property
    def health(self) -> str:
        """What health says of the promise."""
        check = health_pb2_grpc.HealthStub(self._channel).Check  # type: ignore[attr-defined]
        status = check(health_pb2.HealthCheckRequest(service="promise")).status
        return str(health_pb2.HealthCheckResponse.ServingStatus.Name(status))

    def promise(self) -> pb.GetPromiseResponse:
        """Return what the server says of its contracts."""
        answer: pb.GetPromiseResponse = self._stub.GetPromise(pb.GetPromiseRequest())
        return answer

    def ask(self, traffic: Traffic, most: int, *, until_suspended: bool = False) -> Stretch:
        """Draw requests with replacement, and report every audit as it is drawn.

        Args:
            traffic: What is drawn from.
            most: Most requests.
            until_suspended: Whether to end with the report that breaks the contract.
        """
        arm, follow_up = self._server.arm, self._server.follow_up
        engine = arm.engine
        answers = Answers(engine.catalog, engine.artifact.version)
        tiers = engine.catalog.tier_names
        adequate = traffic.quality >= engine.catalog.adequate_quality
        cheap = audits = asked = 0
        suspended = False
        evidence: list[tuple[int, float]] = []
        losses: list[int] = []
        for row in self._rng.integers(0, len(traffic.predictions), most).tolist():
            asked += 1
            made = engine.decide(
                self._request, traffic.predictions[row], float(traffic.input_tokens[row])
            )
            made = made._replace(decision_id=self._rng.bytes(16).hex())
            followed = follow_up.enter(arm, self._request, made)
            column = tiers.index(followed.decision.chosen.deployment.tier)
            cheap += column < len(tiers) - 1
            if adequate[row, -1] and not adequate[row, column]:
                losses.append(asked)
            if followed.audit is None:
                continue
            audits += 1
            answer = answers.write(followed.decision, "")
            follow_up.write([(followed, answer)])
            if answer.HasField("audit"):
                stands = self._report(answer.decision_id, traffic.quality[row], column)
                evidence.append((asked, stands.evidence))
                suspended = stands.suspended
                if suspended and until_suspended:
                    break
        return Stretch(asked, cheap, len(losses), audits, suspended, tuple(evidence), tuple(losses))

    def _report(self, decision_id: str, quality: FloatArray, column: int) -> pb.WatchedContract:
        report = pb.RecordAuditRequest(
            decision_id=decision_id, quality=float(quality[column]), top_quality=float(quality[-1])
        )
        said: pb.RecordAuditResponse = self._stub.RecordAudit(report)
        return said.contract

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._channel.close()
        self._server.stop()
