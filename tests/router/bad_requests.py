"""Bad requests: calls with a wrong field, and calls that leave nobody to serve."""

from bad_inputs import BadRequest

from router.v1 import router_pb2 as pb

INVALID = "INVALID_ARGUMENT"
LONG = "x" * 129
LONG_TEXT = "y" * 50_000


def user(text: str) -> list[pb.Message]:
    return [pb.Message(role="user", content=text)]


def asked(**fields: object) -> pb.RouteRequest:
    return pb.RouteRequest(**({"prompt": "Why?"} | fields))


def outcome(**fields: object) -> pb.RecordOutcomeRequest:
    return pb.RecordOutcomeRequest(**({"decision_id": "d", "request_id": "bad"} | fields))


def audit(**fields: object) -> pb.RecordAuditRequest:
    return pb.RecordAuditRequest(**({"decision_id": "d", "quality": 1, "top_quality": 1} | fields))


ROUTE = [
    BadRequest(
        "neither prompt nor messages",
        pb.RouteRequest(),
        INVALID,
        "EMPTY_PROMPT",
        "prompt",
        "prompt: nothing to read: give prompt, or messages of which at least one has text",
    ),
    BadRequest(
        "messages of white space only",
        pb.RouteRequest(messages=user(" \n\t")),
        INVALID,
        "EMPTY_PROMPT",
        "prompt",
        "prompt: nothing to read: give prompt, or messages of which at least one has text",
    ),
    BadRequest(
        "prompt and messages",
        asked(messages=user("Why?")),
        INVALID,
        "PROMPT_TWICE",
        "messages",
        "messages: given together with prompt; give one of them",
    ),
    BadRequest(
        "a role that is not one of the five",
        pb.RouteRequest(messages=[*user("Hi"), pb.Message(role="human", content="Hi")]),
        INVALID,
        "UNKNOWN_ROLE",
        "messages[1].role",
        "messages[1].role: 'human' given, must be one of "
        "['system', 'developer', 'user', 'assistant', 'tool']",
    ),
    BadRequest(
        "a role of 50,000 characters",
        pb.RouteRequest(messages=[pb.Message(role=LONG_TEXT, content="Hi")]),
        INVALID,
        "UNKNOWN_ROLE",
        "messages[0].role",
        "messages[0].role: 'yyy… ... …yyy' given, must be one of "
        "['system', 'developer', 'user', 'assistant', 'tool']",
    ),
    BadRequest(
        "5,000 messages",
        pb.RouteRequest(messages=user("Hi") * 5_000),
        INVALID,
        "TOO_MANY_MESSAGES",
        "messages",
        "messages: 5000 messages given, at most 4096 are taken; leave out the oldest",
    ),
    BadRequest(
        "quality target and willingness to pay",
        asked(goal=pb.Goal(quality_target=0.5, willingness_to_pay_usd=0.25)),
        INVALID,
        "GOAL_AMBIGUOUS",
        "goal",
        "goal: quality_target 0.5 and willingness_to_pay_usd 0.25 given; give one of them",
    ),
    BadRequest(
        "a quality target in percent",
        asked(goal=pb.Goal(quality_target=95.0)),
        INVALID,
        "TARGET_OUT_OF_RANGE",
        "goal.quality_target",
        "goal.quality_target: 95.0 given, must be from 0 to 1",
    ),
    BadRequest(
        "a quality target that is not a number",
        asked(goal=pb.Goal(quality_target=float("nan"))),
        INVALID,
        "TARGET_OUT_OF_RANGE",
        "goal.quality_target",
        "goal.quality_target: nan given, must be from 0 to 1",
    ),
    BadRequest(
        "a willingness to pay of nothing",
        asked(goal=pb.Goal(willingness_to_pay_usd=0.0)),
        INVALID,
        "USD_OUT_OF_RANGE",
        "goal.willingness_to_pay_usd",
        "goal.willingness_to_pay_usd: 0.0 given, must be a finite number of USD above 0",
    ),
    BadRequest(
        "an infinite limit of cost",
        asked(goal=pb.Goal(max_cost_usd=float("inf"))),
        INVALID,
        "USD_OUT_OF_RANGE",
        "goal.max_cost_usd",
        "goal.max_cost_usd: inf given, must be a finite number of USD above 0",
    ),
    BadRequest(
        "a contract and a willingness to pay",
        asked(goal=pb.Goal(contract=pb.Contract(max_loss_rate=0.05), willingness_to_pay_usd=0.25)),
        INVALID,
        "GOAL_AMBIGUOUS",
        "goal",
        "goal: willingness_to_pay_usd 0.25 and contract with max_loss_rate 0.05 given; give one "
        "of them",
    ),
    BadRequest(
        "a contract without a rate",
        asked(goal=pb.Goal(contract=pb.Contract())),
        INVALID,
        "CONTRACT_OUT_OF_RANGE",
        "goal.contract.max_loss_rate",
        "goal.contract.max_loss_rate: 0.0 given, must be above 0 and below 1",
    ),
    BadRequest(
        "a contract with certainty",
        asked(goal=pb.Goal(contract=pb.Contract(max_loss_rate=0.05, confidence=1.0))),
        INVALID,
        "CONTRACT_OUT_OF_RANGE",
        "goal.contract.confidence",
        "goal.contract.confidence: 1.0 given, must be above 0 and below 1",
    ),
    BadRequest(
        "a contract with next to no confidence",
        asked(goal=pb.Goal(contract=pb.Contract(max_loss_rate=0.05, confidence=1e-300))),
        INVALID,
        "CONTRACT_OUT_OF_RANGE",
        "goal.contract.confidence",
        "goal.contract.confidence: 1e-300 given, which is 0 to sixteen digits; give a greater one, "
        "such as 0.9",
    ),
    BadRequest(
        "a contract of an artifact that was not calibrated",
        asked(goal=pb.Goal(contract=pb.Contract(max_loss_rate=0.05))),
        "FAILED_PRECONDITION",
        "CONTRACT_NOT_CALIBRATED",
        "",
        "goal.contract given, but artifact … was not calibrated for contracts: state another "
        "goal, or run 'make calibrate DATA=...' and serve what it writes",
    ),
    BadRequest(
        "a negative context window",
        asked(needs=pb.Needs(context_window_tokens=-1)),
        INVALID,
        "TOKENS_OUT_OF_RANGE",
        "needs.context_window_tokens",
        "needs.context_window_tokens: -1 given, must be from 0 to 100000000",
    ),
    BadRequest(
        "an empty residency tag",
        asked(needs=pb.Needs(residency=["eu", ""])),
        INVALID,
        "EMPTY_RESIDENCY",
        "needs.residency",
        "needs.residency: holds an empty tag; remove it",
    ),
    BadRequest(
        "a lock on a deployment the catalog does not have",
        asked(needs=pb.Needs(locked_deployment="gpt-9")),
        INVALID,
        "UNKNOWN_DEPLOYMENT",
        "needs.locked_deployment",
        "needs.locked_deployment: 'gpt-9' given, the catalog has "
        "['claude-3-5-sonnet', 'claude-3-haiku', 'llama-3-8b-self-hosted']",
    ),
    BadRequest(
        "a tier the catalog does not have",
        asked(allowed_tiers=["small", "huge"]),
        INVALID,
        "UNKNOWN_TIER",
        "allowed_tiers",
        "allowed_tiers: ['huge'] given, the catalog has ['small', 'medium', 'large']",
    ),
    BadRequest(
        "a denied tier in capitals",
        asked(denied_tiers=["Large"]),
        INVALID,
        "UNKNOWN_TIER",
        "denied_tiers",
        "denied_tiers: ['Large'] given, the catalog has ['small', 'medium', 'large']",
    ),
    BadRequest(
        "an output limit of 0",
        asked(max_output_tokens=0),
        INVALID,
        "TOKENS_OUT_OF_RANGE",
        "max_output_tokens",
        "max_output_tokens: 0 given, must be from 1 to 100000000, or left unset",
    ),
    BadRequest(
        "33 tags",
        asked(tags={str(n): "v" for n in range(33)}),
        INVALID,
        "TOO_MANY_TAGS",
        "tags",
        "tags: 33 given, at most 32 are taken",
    ),
    BadRequest(
        "a tag value of 257 characters",
        asked(tags={"team": "v" * 257}),
        INVALID,
        "TAG_TOO_LONG",
        "tags",
        "tags: 'team': keys take 1 to 64 characters, values up to 256",
    ),
    BadRequest(
        "a tag without a key",
        asked(tags={"": "v"}),
        INVALID,
        "TAG_TOO_LONG",
        "tags",
        "tags: '': keys take 1 to 64 characters, values up to 256",
    ),
    BadRequest(
        "a session id of 129 characters",
        asked(session_id=LONG),
        INVALID,
        "ID_LENGTH",
        "session_id",
        "session_id: 129 characters given, must be 0 to 128",
    ),
    BadRequest(
        "a request id of 129 characters",
        asked(request_id=LONG),
        INVALID,
        "ID_LENGTH",
        "request_id",
        "request_id: 129 characters given, must be 0 to 128",
    ),
    BadRequest(
        "needs that no deployment meets",
        asked(needs=pb.Needs(tools=True, residency=["eu"])),
        "FAILED_PRECONDITION",
        "NO_CANDIDATE",
        "",
        "no deployment may serve this request (llama-3-8b-self-hosted: TOOLS, claude-3-haiku: "
        "RESIDENCY, claude-3-5-sonnet: RESIDENCY); relax the needs, the tier lists or "
        "max_cost_usd",
    ),
    BadRequest(
        "a prompt longer than every context window",
        asked(prompt="word " * 250_000),
        "FAILED_PRECONDITION",
        "NO_CANDIDATE",
        "",
        "no deployment may serve this request (llama-3-8b-self-hosted: CONTEXT_WINDOW, "
        "claude-3-haiku: CONTEXT_WINDOW, claude-3-5-sonnet: CONTEXT_WINDOW); relax the needs, "
        "the tier lists or max_cost_usd",
    ),
    BadRequest(
        "a message above the server's limit in bytes",
        asked(prompt="z" * 17_000_000),
        "RESOURCE_EXHAUSTED",
        "",
        "",
        "…Received message larger than max (17000005 vs. 16777216)",
    ),
    BadRequest(
        "a list of 4,097 entries in a message of 1 MiB or more",
        asked(prompt="z" * 1_048_576, denied_tiers=["small"] * 4097),
        INVALID,
        "TOO_MANY",
        "denied_tiers",
        "denied_tiers: more than 4096 given; send less at once",
    ),
    BadRequest(
        "bytes that are no message",
        b"\x0a\xff\xff",
        "INVALID_ARGUMENT",
        "NOT_A_MESSAGE",
        "request",
        "request: 3 bytes given that are no router.v1.RouteRequest; encode the request with stubs "
        "generated from router.proto",
        method="Route",
    ),
    BadRequest(
        "a method the service does not have",
        b"",
        "UNIMPLEMENTED",
        "",
        "",
        "Method not found!",
        method="Choose",
    ),
]
BATCH = [
    BadRequest(
        "a batch of nothing",
        pb.RouteBatchRequest(),
        INVALID,
        "BATCH_SIZE",
        "requests",
        "requests: 0 given, must be from 1 to 1024; send several batches",
    ),
    BadRequest(
        "a batch of 1,025",
        pb.RouteBatchRequest(requests=[asked()] * 1_025),
        INVALID,
        "BATCH_SIZE",
        "requests",
        "requests: 1025 given, must be from 1 to 1024; send several batches",
    ),
]
OUTCOME = [
    BadRequest(
        "more cached input tokens than input tokens",
        outcome(
            input_token_count=5,
            cached_input_token_count=6,
            input_estimate=pb.InputEstimate(
                token_count=4, kind=pb.TEXT_KIND_PLAIN, deployment="claude-3-haiku"
            ),
        ),
        INVALID,
        "TOKENS_OUT_OF_RANGE",
        "cached_input_token_count",
        "cached_input_token_count: 6 given, must be from 0 to input_token_count, 5",
    ),
    BadRequest(
        "an estimate of input tokens that Route never gave",
        outcome(input_token_count=5, input_estimate=pb.InputEstimate(token_count=4)),
        INVALID,
        "ESTIMATE_ALTERED",
        "input_estimate",
        "input_estimate: 4 tokens of kind 0, 0 of them warm, given; give it as Route answered it",
    ),
    BadRequest(
        "an outcome without a decision id",
        outcome(decision_id=""),
        INVALID,
        "ID_LENGTH",
        "decision_id",
        "decision_id: 0 characters given, must be 1 to 128",
    ),
    BadRequest(
        "an outcome without a request id",
        outcome(request_id=""),
        INVALID,
        "ID_LENGTH",
        "request_id",
        "request_id: 0 characters given, must be 1 to 128",
    ),
    BadRequest(
        "a quality above 1",
        outcome(quality=1.5),
        INVALID,
        "QUALITY_OUT_OF_RANGE",
        "quality",
        "quality: 1.5 given, must be from 0 to 1",
    ),
    BadRequest(
        "a negative number of tokens",
        outcome(output_token_count=-1),
        INVALID,
        "TOKENS_OUT_OF_RANGE",
        "output_token_count",
        "output_token_count: -1 given, must be >= 0",
    ),
    BadRequest(
        "a latency that is not a number",
        outcome(latency_ms=float("nan")),
        INVALID,
        "LATENCY_OUT_OF_RANGE",
        "latency_ms",
        "latency_ms: nan given, must be a finite number >= 0",
    ),
    BadRequest(
        "a deployment the catalog does not have",
        outcome(deployment="gpt-9"),
        INVALID,
        "UNKNOWN_DEPLOYMENT",
        "deployment",
        "deployment: 'gpt-9' given, the catalog has "
        "['claude-3-5-sonnet', 'claude-3-haiku', 'llama-3-8b-self-hosted']",
    ),
]
CONFLICT = BadRequest(
    "a request id that was used for another outcome",
    outcome(quality=0.25),
    "ALREADY_EXISTS",
    "OUTCOME_CONFLICT",
    "",
    "request_id 'bad' was recorded before with other content; use a new request_id for a new "
    "outcome",
)
AUDIT = [
    BadRequest(
        "an audit without a decision id",
        audit(decision_id=""),
        INVALID,
        "ID_LENGTH",
        "decision_id",
        "decision_id: 0 characters given, must be 1 to 128",
    ),
    BadRequest(
        "an audit with one quality only",
        audit(top_quality=None),
        INVALID,
        "QUALITY_MISSING",
        "top_quality",
        "top_quality: not given; an audit needs both qualities",
    ),
    BadRequest(
        "an audited quality in percent",
        audit(quality=95),
        INVALID,
        "QUALITY_OUT_OF_RANGE",
        "quality",
        "quality: 95.0 given, must be from 0 to 1",
    ),
    BadRequest(
        "an audit nobody asked for",
        audit(decision_id="nobody"),
        "NOT_FOUND",
        "AUDIT_UNKNOWN",
        "",
        "decision_id 'nobody': no audit was asked for of this decision, or another store holds it; "
        "report only decisions whose answer had 'audit' set, to the server that made them",
    ),
]
REQUESTS = [*ROUTE, *BATCH, *OUTCOME, *AUDIT, CONFLICT]
