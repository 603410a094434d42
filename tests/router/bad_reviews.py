"""Bad reviews: a decision or answers that cannot be judged, and a plan with a wrong price."""

from bad_inputs import BadRequest

from router.review.digest import ANSWER_FEATURE_NAMES, ANSWER_FEATURES_VERSION
from router.v1 import router_pb2 as pb

INVALID = "INVALID_ARGUMENT"
HAIKU, SONNET = "claude-3-haiku", "claude-3-5-sonnet"
ASKED = pb.RouteRequest(prompt="Why?")
OVER_REVIEWS = pb.Goal(contract=pb.Contract(max_loss_rate=0.05, reviewed=True))
FEATURES = [0.0] * len(ANSWER_FEATURE_NAMES)


def answer(**fields: object) -> pb.Answer:
    """Return a good answer with some fields set otherwise; None leaves one out."""
    good = {"deployment": HAIKU, "text": "12", "finish_reason": pb.FINISH_REASON_STOP}
    return pb.Answer(**{key: value for key, value in (good | fields).items() if value is not None})


def digested(**fields: object) -> pb.Answer:
    good = {
        "kind": pb.ANSWER_KIND_NUMBER,
        "features": FEATURES,
        "features_version": ANSWER_FEATURES_VERSION,
    }
    return answer(text=None, digest=pb.AnswerDigest(**(good | fields)), output_token_count=9)


def review(*answers: pb.Answer, **fields: object) -> pb.ReviewRequest:
    return pb.ReviewRequest(**({"request": ASKED, "answers": answers} | fields))


REVIEW = [
    BadRequest(
        "a review without a decision",
        pb.ReviewRequest(answers=[answer()]),
        INVALID,
        "DECISION_AMBIGUOUS",
        "decision",
        "decision: give exactly one of decision, as Route answered it, and request, as Route was "
        "asked",
    ),
    BadRequest(
        "a decision of another artifact",
        pb.ReviewRequest(decision=pb.RouteResponse(artifact_version="old"), answers=[answer()]),
        INVALID,
        "DECISION_OUTDATED",
        "decision",
        "decision: made by artifact and catalog ('old', ''), this server has …: give request "
        "instead",
    ),
    BadRequest(
        "a review of no answer",
        review(),
        INVALID,
        "ANSWER_COUNT",
        "answers",
        "answers: 0 given, must be from 1 to 8",
    ),
    BadRequest(
        "two answers of one deployment",
        review(answer(), answer(text="13")),
        INVALID,
        "ANSWER_TWICE",
        "answers",
        "answers: ['claude-3-haiku', 'claude-3-haiku'] given; a deployment answers once",
    ),
    BadRequest(
        "an answer of more text than a model writes",
        review(answer(text="1" * 1_000_001)),
        INVALID,
        "ANSWER_TOO_LONG",
        "answers[0].text",
        "answers[0].text: 1000001 characters given, at most 1000000 are read; give a digest "
        "instead",
    ),
    BadRequest(
        "an answer of a deployment the catalog does not have",
        review(answer(deployment="gpt-2")),
        INVALID,
        "UNKNOWN_DEPLOYMENT",
        "answers[0].deployment",
        "answers[0].deployment: 'gpt-2' given, the catalog has ['claude-3-5-sonnet', "
        "'claude-3-haiku', 'llama-3-8b-self-hosted']",
    ),
    BadRequest(
        "an answer that does not say how it ended",
        review(answer(), answer(deployment=SONNET, finish_reason=None)),
        INVALID,
        "FINISH_MISSING",
        "answers[1].finish_reason",
        "answers[1].finish_reason: must say how the answer ended",
    ),
    BadRequest(
        "an answer with neither text nor digest",
        review(answer(text=None)),
        INVALID,
        "ANSWER_AMBIGUOUS",
        "answers[0]",
        "answers[0]: give exactly one of text and digest",
    ),
    BadRequest(
        "a digest without the answer's tokens",
        review(
            pb.Answer(
                deployment=HAIKU,
                finish_reason=pb.FINISH_REASON_STOP,
                digest=pb.AnswerDigest(kind=pb.ANSWER_KIND_NUMBER),
            )
        ),
        INVALID,
        "TOKENS_OUT_OF_RANGE",
        "answers[0].output_token_count",
        "answers[0].output_token_count: None given, must be from 0 to 100000000, and known where "
        "a digest is given",
    ),
    BadRequest(
        "a digest without a kind",
        review(digested(kind=pb.ANSWER_KIND_UNSPECIFIED)),
        INVALID,
        "KIND_MISSING",
        "answers[0].digest.kind",
        "answers[0].digest.kind: must be set",
    ),
    BadRequest(
        "a digest of another release's client",
        review(digested(features_version=99)),
        INVALID,
        "DIGEST_VERSION",
        "answers[0].digest.features",
        "answers[0].digest.features: version 99 with 15 numbers given, must be version … with "
        "15: make digests with the client of this release",
    ),
    BadRequest(
        "a digest with a feature that is not a number",
        review(digested(features=[float("nan"), *FEATURES[1:]])),
        INVALID,
        "DIGEST_NUMBERS",
        "answers[0].digest",
        "answers[0].digest: numbers must be finite, and a vector holds at most 4096",
    ),
    BadRequest(
        "a digest with a hash of 129 characters",
        review(digested(final_hash="x" * 129)),
        INVALID,
        "ID_LENGTH",
        "answers[0].digest.final_hash",
        "answers[0].digest.final_hash: 129 characters given, must be 0 to 128",
    ),
    BadRequest(
        "a negative price of waiting",
        review(answer(), wait_usd=-1.0),
        INVALID,
        "USD_OUT_OF_RANGE",
        "wait_usd",
        "wait_usd: -1.0 given, must be a finite number of USD >= 0",
    ),
    BadRequest(
        "a plan with an infinite price of waiting",
        pb.RouteRequest(prompt="Why?", plan=pb.PlanOptions(wait_usd=float("inf"))),
        INVALID,
        "USD_OUT_OF_RANGE",
        "plan.wait_usd",
        "plan.wait_usd: inf given, must be a finite number of USD >= 0",
    ),
    BadRequest(
        "a contract over reviews without a plan",
        pb.RouteRequest(prompt="Why?", goal=OVER_REVIEWS),
        INVALID,
        "PLAN_MISSING",
        "plan",
        "plan: not given; a contract over reviews (goal.contract.reviewed) covers what comes of "
        "following the plan: set it, or leave reviewed out",
    ),
    BadRequest(
        "a contract over reviews with a price of waiting",
        pb.RouteRequest(prompt="Why?", goal=OVER_REVIEWS, plan=pb.PlanOptions(wait_usd=0.5)),
        INVALID,
        "WAIT_UNDER_CONTRACT",
        "plan.wait_usd",
        "plan.wait_usd: 0.5 given; a contract over reviews was calibrated without a price of "
        "waiting: leave it out",
    ),
    BadRequest(
        "a contract per topic and over reviews",
        pb.RouteRequest(
            prompt="Why?",
            goal=pb.Goal(contract=pb.Contract(max_loss_rate=0.05, per_topic=True, reviewed=True)),
        ),
        INVALID,
        "CONTRACT_AMBIGUOUS",
        "goal.contract",
        "goal.contract: per_topic and reviewed given; reviews are calibrated over all topics "
        "together: leave one out",
    ),
]
