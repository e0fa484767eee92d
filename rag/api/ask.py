"""A chat request on the wire becomes an `Ask`: ONE principal, ONE scope, ONE deadline."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence

import orjson
from starlette.requests import Request

from rag.api.bodies import parse_json, read_bytes
from rag.api.door import span_of
from rag.api.names import MODELS, known_space
from rag.api.wire import UNSUPPORTED, UNSUPPORTED_PARTS, ChatMessage, ChatRequest, Extras
from rag.compose import Service
from rag.errors import InvalidRequest, NotFound, PayloadTooLarge, UnsupportedParameter
from rag.pipeline.request import Ask, asker
from rag.settings import LimitSettings
from rag.types import Deadline, Principal, Scope
from router.types import Message, Sampling

MAX_TIMEOUT_S = 600.0
NO_EXTRAS = Extras()


async def read_chat(request: Request, limits: LimitSettings) -> ChatRequest:
    """The body of a chat request.

    Raises:
        UnsupportedParameter: it uses a part of the OpenAI API that we do not serve.
        InvalidRequest: it does not fit.
    """
    body = await read_bytes(request, limits.body_bytes)
    try:
        return parse_json(body, ChatRequest)
    except InvalidRequest as error:
        raise _unsupported(body) or error from None


def _unsupported(body: bytes) -> UnsupportedParameter | None:
    """The clearer error for a body that failed only because it asks for something we do not serve."""
    try:
        fields = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(fields, dict):
        return None
    used = sorted(UNSUPPORTED & {key for key, value in fields.items() if value is not None})
    if used:
        return UnsupportedParameter(f"{used[0]} is not supported; leave it out", param=used[0])
    if fields.get("n") not in (None, 1):  # a tuple, since what was sent need not be hashable
        return UnsupportedParameter("n: only one choice is served; leave n out or send 1", param="n")
    if any(kind in UNSUPPORTED_PARTS for kind in _part_kinds(fields.get("messages"))):
        return UnsupportedParameter("messages: only text is served, no images, audio or files", param="messages")
    return None


def _part_kinds(messages: object) -> Iterator[object]:
    """The types of all parts of messages that may be malformed."""
    for message in messages if isinstance(messages, list) else ():
        content = message.get("content") if isinstance(message, dict) else None
        for part in content if isinstance(content, list) else ():
            if isinstance(part, dict):
                yield part.get("type")


def make_ask(body: ChatRequest, request: Request, service: Service, principal: Principal) -> Ask:
    """The caller's request as the pipeline takes it.

    Raises:
        NotFound: unknown model or collection.
        InvalidRequest: the conversation is malformed.
        PayloadTooLarge: question or conversation over their limits.
    """
    extras = body.steadyrag or NO_EXTRAS
    limits = service.settings.limits
    messages = _messages(body.messages, limits)
    if extras.top_k > limits.top_k:
        raise InvalidRequest(f"steadyrag.top_k: at most {limits.top_k}", param="steadyrag.top_k")
    requested = MODELS.get(body.model)
    if requested is None:
        raise NotFound(f"no model {body.model!r}; there are {', '.join(MODELS)}", param="model")
    sampling = _sampling(body)
    space = known_space(service, principal, extras.collection)
    user = body.user or ""
    variants = service.models.router.variants(asker(principal, user))
    fingerprint = _fingerprint(messages, sampling, extras, variants)
    return Ask(
        principal=principal,
        scope=Scope(space, extras.model or body.model, fingerprint),
        deadline=deadline_of(request, extras.timeout_s, service),
        request_id=request.state.request_id,
        messages=messages,
        top_k=extras.top_k,
        filters=extras.filters,
        model=extras.model or requested,
        sampling=sampling,
        cache=extras.cache,
        max_age_s=extras.max_age_s,
        priority=extras.priority,
        user=user,
        degraded=degraded_of(request),
        span=span_of(request),
    )


def degraded_of(request: Request) -> tuple[str, ...]:
    """Labels of what had to be done without before the request was let in."""
    labels: tuple[str, ...] = getattr(request.state, "degraded", ())
    return labels


def deadline_of(request: Request, asked_s: float | None, service: Service) -> Deadline:
    """The moment until which the caller waits: from the body, the header, or the settings.

    Raises:
        InvalidRequest: the header is no number of seconds from 0 to 600.
    """
    header = request.headers.get("x-request-timeout")
    if asked_s is None and header is not None:
        try:
            asked_s = float(header)
        except ValueError:
            asked_s = 0.0
        if not 0 < asked_s <= MAX_TIMEOUT_S:
            raise InvalidRequest(f"X-Request-Timeout: seconds, above 0 and at most {MAX_TIMEOUT_S:.0f}")
    return Deadline.after(asked_s if asked_s is not None else service.settings.timeout_s, service.clock)


def _messages(turns: Sequence[ChatMessage], limits: LimitSettings) -> tuple[Message, ...]:
    if len(turns) > limits.messages:
        raise PayloadTooLarge(f"messages: {len(turns)} turns, at most {limits.messages} are read", param="messages")
    messages = tuple(Message("system" if turn.role == "developer" else turn.role, turn.text()) for turn in turns)
    question = messages[-1]
    if question.role != "user" or not question.content.strip():
        raise InvalidRequest("messages: the last turn must be the user's question, and not empty", param="messages")
    if len(question.content) > limits.question_chars:
        raise PayloadTooLarge(
            f"messages: the question has {len(question.content):,} characters, "
            f"at most {limits.question_chars:,} are read",
            param="messages",
        )
    if sum(len(message.content) for message in messages) > limits.conversation_chars:
        raise PayloadTooLarge(f"messages: more than {limits.conversation_chars:,} characters in all", param="messages")
    return messages


def _sampling(body: ChatRequest) -> Sampling:
    stop = (body.stop,) if isinstance(body.stop, str) else tuple(body.stop or ())
    penalties = {"presence_penalty": body.presence_penalty, "frequency_penalty": body.frequency_penalty}
    return Sampling(
        max_tokens=body.max_completion_tokens or body.max_tokens,
        temperature=body.temperature,
        top_p=body.top_p,
        stop=stop,
        seed=body.seed,
        extra={key: value for key, value in penalties.items() if value is not None},
    )


def _fingerprint(messages: Sequence[Message], sampling: Sampling, extras: Extras, variants: tuple[str, ...]) -> str:
    """Digest of all that shapes the answer besides question, collection and model."""
    rules = [message.content for message in messages if message.role == "system"]
    parts = orjson.dumps([rules, sampling, extras.top_k, extras.filters, variants], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(parts, digest_size=16).hexdigest()
