"""The answer of `steadyrag ask` where no service runs: one is composed for it, in this process."""

from __future__ import annotations

import uuid
from typing import Any

import orjson

from rag.api.completion import completion
from rag.api.names import MODELS, known_space
from rag.compose import compose
from rag.pipeline.request import Answer, Ask
from rag.settings import Settings
from rag.types import ANONYMOUS, Deadline, Scope
from router.types import Message


async def answered(settings: Settings, question: str, collection: str) -> tuple[dict[str, Any], bool]:
    """The answer as a chat completion, and whether there was nothing to find it in."""
    service = await compose(settings)
    try:
        request = Ask(
            principal=ANONYMOUS,
            scope=Scope(known_space(service, ANONYMOUS, collection), next(iter(MODELS)), ""),
            deadline=Deadline.after(settings.timeout_s, service.clock),
            request_id=f"cli_{uuid.uuid4().hex}",
            messages=(Message("user", question),),
        )
        async for event in service.pipeline.run(request):
            if isinstance(event, Answer):
                body: dict[str, Any] = orjson.loads(orjson.dumps(completion(request, event, int(service.clock.now()))))
        found = await service.store.documents(request.scope.space, after=None, limit=1, timeout_s=settings.timeout_s)
        return body, not found
    finally:
        await service.aclose()
