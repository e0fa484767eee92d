"""`/v1/chat/completions` and `/v1/models`: the part of the OpenAI API that chat applications use."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing
from enum import Enum

from fastapi import FastAPI, Request
from starlette.responses import Response
from starlette.types import Receive, Send
from starlette.types import Scope as AsgiScope

from rag.api.access import allowed
from rag.api.ask import make_ask, read_chat
from rag.api.bodies import schema_of
from rag.api.completion import completion
from rag.api.disconnect import StopOnDisconnect
from rag.api.json_response import json_response
from rag.api.names import MODELS
from rag.api.reply import CHAT_ROUTE, headers, sse
from rag.api.wire import ChatRequest
from rag.compose import Service
from rag.errors import ClientGone, NotFound
from rag.pipeline.request import Answer, Event, Plan
from rag.types import Role
from router.models import Model


def add_chat_routes(app: FastAPI, service: Service) -> None:
    """Put the routes into the app itself: an included router would cost every request a tenth of a cached answer."""
    tags: list[str | Enum] = ["chat"]

    @app.post(CHAT_ROUTE, tags=tags, summary="Answer a question, with citations", openapi_extra=schema_of(ChatRequest))
    async def chat(request: Request) -> Response:
        principal = allowed(request, service, Role.QUERY)
        body = await read_chat(request, service.settings.limits)
        ask = make_ask(body, request, service, principal)
        created = int(service.clock.now())
        events = service.pipeline.run(ask)
        with StopOnDisconnect(request.receive):
            plan = await anext(events)
            assert isinstance(plan, Plan)  # noqa: S101 - the pipeline's first event
            if not body.stream:
                answer = await _last(events)
                return json_response(completion(ask, answer, created), headers=headers(plan))
        usage = body.stream_options is not None and body.stream_options.include_usage
        return EventStream(events, sse(ask, plan, events, created, include_usage=usage), headers(plan))

    @app.get("/v1/models", tags=tags, summary="The models that a request may name")
    async def models(request: Request) -> Response:
        allowed(request, service, Role.QUERY)
        return json_response({"object": "list", "data": [_model(name, service) for name in MODELS]})

    @app.get("/v1/models/{name}", tags=tags, summary="One model")
    async def model(name: str, request: Request) -> Response:
        allowed(request, service, Role.QUERY)
        if name not in MODELS:
            raise NotFound(f"no model {name!r}; there are {', '.join(MODELS)}", param="model")
        return json_response(_model(name, service))


class EventStream(Response):
    """Server-sent events; closes the pipeline when the client goes away."""

    def __init__(
        self, events: AsyncGenerator[Event, None], frames: AsyncIterator[bytes], extra: dict[str, str]
    ) -> None:
        # proxies must neither buffer nor keep a stream
        unbuffered = {"cache-control": "no-cache", "x-accel-buffering": "no"}
        super().__init__(None, 200, {**extra, **unbuffered}, "text/event-stream")
        del self.headers["content-length"]
        self._events = events
        self._frames = frames

    async def __call__(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        """Send the frames as they come."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        try:
            with StopOnDisconnect(receive):
                async with aclosing(self._events):
                    async for frame in self._frames:
                        await send({"type": "http.response.body", "body": frame, "more_body": True})
        except ClientGone:
            return
        await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _last(events: AsyncGenerator[Event, None]) -> Answer:
    async with aclosing(events):
        async for event in events:
            if isinstance(event, Answer):
                return event
    raise AssertionError("the pipeline ended without an answer")


def _model(name: str, service: Service) -> dict[str, object]:
    """The model as the OpenAI API lists it, with those that answer for it."""
    asked = MODELS[name]
    tiers = service.models.router.models
    answering = {asked: tiers[asked]} if asked != "auto" else tiers
    return {
        "id": name,
        "object": "model",
        "created": 0,
        "owned_by": "steadyrag",
        "steadyrag": {tier: [_told(*each) for each in split.shares()] for tier, split in answering.items()},
    }


def _told(model: Model, share: float) -> dict[str, object]:
    return {
        "model": model.name,
        "version": model.version,
        "users": share,
        "price": model.price,
        "context_tokens": model.context_tokens,
    }
