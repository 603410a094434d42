"""Wire messages to checked requests. The way back is ``answer``; no decision is made here."""

from collections.abc import Mapping, Sequence

from router.catalog import Catalog
from router.errors import InvalidRequestError
from router.server.deadline import to_deadline
from router.server.goal_wire import Given, checked_wait_usd, require_plan, to_goal
from router.server.limits import (
    MAX_ID_CHARS,
    MAX_TAG_KEY_CHARS,
    MAX_TAG_VALUE_CHARS,
    MAX_TAGS,
    MAX_TOKENS,
    Limits,
)
from router.types import NO_NEEDS, NO_TAGS, ROLES, Message, Needs, Request
from router.v1 import router_pb2 as pb

_PROMPT = pb.RouteRequest.PROMPT_FIELD_NUMBER
_NO_TIERS: frozenset[str] = frozenset()


def to_request(wire: pb.RouteRequest, catalog: Catalog, limits: Limits) -> Request:
    """Check a wire request and return it as a ``Request``.

    Raises:
        InvalidRequestError: names the field, what was given and what is allowed.
    """
    fields = wire.ListFields()
    if len(fields) == 1 and fields[0][0].number == _PROMPT and not fields[0][1].isspace():
        return Request((Message("user", fields[0][1]),))  # most requests are a prompt and no more
    given = {field.name: value for field, value in fields}
    goal = to_goal(given["goal"]) if "goal" in given else None
    if goal is not None and goal.contract is not None and goal.contract.reviewed:
        require_plan(given)
    if "plan" in given:  # what is refused must not be decided, logged or counted first
        checked_wait_usd("plan.wait_usd", given["plan"].wait_usd)
    return Request(
        messages=_messages(given, limits),
        goal=goal,
        needs=_needs(given["needs"], catalog) if "needs" in given else NO_NEEDS,
        allowed_tiers=_tiers("allowed_tiers", given, catalog),
        denied_tiers=_tiers("denied_tiers", given, catalog),
        max_output_tokens=_max_output_tokens(given),
        tags=_tags(given),
        session_id=short_id("session_id", given.get("session_id", "")),
        request_id=short_id("request_id", given.get("request_id", "")),
        deadline=to_deadline(given, catalog) if "deadline" in given else None,
    )


def _messages(given: Given, limits: Limits) -> tuple[Message, ...]:
    prompt = given.get("prompt")
    if prompt:
        if "messages" in given:
            raise InvalidRequestError(
                "messages", "given together with prompt; give one of them", reason="PROMPT_TWICE"
            )
        messages: tuple[Message, ...] = (Message("user", prompt),)
    else:
        messages = _conversation(given.get("messages", ()), limits)
    if not any(message.content and not message.content.isspace() for message in messages):
        raise InvalidRequestError(
            "prompt",
            "nothing to read: give prompt, or messages of which at least one has text",
            reason="EMPTY_PROMPT",
        )
    return messages


def _conversation(wire: Sequence[pb.Message], limits: Limits) -> tuple[Message, ...]:
    if len(wire) > limits.max_messages:
        raise InvalidRequestError(
            "messages",
            f"{len(wire)} messages given, at most {limits.max_messages} are taken; "
            "leave out the oldest",
            reason="TOO_MANY_MESSAGES",
            metadata={"given": str(len(wire)), "limit": str(limits.max_messages)},
        )
    messages = tuple(Message(message.role, message.content) for message in wire)
    for index, message in enumerate(messages):
        if message.role not in ROLES:
            raise InvalidRequestError(
                f"messages[{index}].role",
                f"{message.role!r} given, must be one of {list(ROLES)}",
                reason="UNKNOWN_ROLE",
                metadata={"given": message.role},
            )
    return messages


def _needs(wire: pb.Needs, catalog: Catalog) -> Needs:
    if not 0 <= wire.context_window_tokens <= MAX_TOKENS:
        raise InvalidRequestError(
            "needs.context_window_tokens",
            f"{wire.context_window_tokens} given, must be from 0 to {MAX_TOKENS}",
            reason="TOKENS_OUT_OF_RANGE",
            metadata={"given": str(wire.context_window_tokens)},
        )
    if not all(wire.residency):
        raise InvalidRequestError(
            "needs.residency", "holds an empty tag; remove it", reason="EMPTY_RESIDENCY"
        )
    locked = wire.locked_deployment
    if locked and locked not in (known := [item.id for item in catalog.deployments]):
        raise InvalidRequestError(
            "needs.locked_deployment",
            f"{locked!r} given, the catalog has {sorted(known)}",
            reason="UNKNOWN_DEPLOYMENT",
            metadata={"given": locked},
        )
    return Needs(
        wire.context_window_tokens,
        wire.tools,
        wire.vision,
        wire.json_schema,
        frozenset(wire.residency),
        wire.no_third_party,
        locked,
    )


def _tiers(field: str, given: Given, catalog: Catalog) -> frozenset[str]:
    if field not in given:
        return _NO_TIERS
    names = frozenset(given[field])
    unknown = names - frozenset(catalog.tier_names)
    if unknown:
        raise InvalidRequestError(
            field,
            f"{sorted(unknown)} given, the catalog has {list(catalog.tier_names)}",
            reason="UNKNOWN_TIER",
            metadata={"given": ",".join(sorted(unknown)), "known": ",".join(catalog.tier_names)},
        )
    return names


def _max_output_tokens(given: Given) -> int | None:
    most: int | None = given.get("max_output_tokens")
    if most is not None and not 0 < most <= MAX_TOKENS:
        raise InvalidRequestError(
            "max_output_tokens",
            f"{most} given, must be from 1 to {MAX_TOKENS}, or left unset",
            reason="TOKENS_OUT_OF_RANGE",
            metadata={"given": str(most)},
        )
    return most


def _tags(given: Given) -> Mapping[str, str]:
    if "tags" not in given:
        return NO_TAGS
    tags = dict(given["tags"])
    if len(tags) > MAX_TAGS:
        raise InvalidRequestError(
            "tags",
            f"{len(tags)} given, at most {MAX_TAGS} are taken",
            reason="TOO_MANY_TAGS",
            metadata={"given": str(len(tags))},
        )
    for key, value in tags.items():
        if not 0 < len(key) <= MAX_TAG_KEY_CHARS or len(value) > MAX_TAG_VALUE_CHARS:
            raise InvalidRequestError(
                "tags",
                f"{key[:MAX_TAG_KEY_CHARS]!r}: keys take 1 to {MAX_TAG_KEY_CHARS} characters, "
                f"values up to {MAX_TAG_VALUE_CHARS}",
                reason="TAG_TOO_LONG",
            )
    return tags


def short_id(field: str, value: str, *, required: bool = False) -> str:
    """Return an identifier of at most ``MAX_ID_CHARS`` characters, not empty if ``required``.

    Raises:
        InvalidRequestError: too long, or empty where one is needed.
    """
    if len(value) > MAX_ID_CHARS or (required and not value):
        raise InvalidRequestError(
            field,
            f"{len(value)} characters given, must be {'1' if required else '0'} to {MAX_ID_CHARS}",
            reason="ID_LENGTH",
            metadata={"given": str(len(value))},
        )
    return value
