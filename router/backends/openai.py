"""A model behind any OpenAI-compatible server, vLLM above all."""

from __future__ import annotations

import json
import math
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, cast, get_args

import aiohttp

from router.backends.health import ServerLoad, ask_server
from router.backends.openai_errors import FOREIGN_ERRORS, from_exception, from_status, message_of
from router.backends.sse import parse_sse
from router.errors import ModelError
from router.types import Chunk, FinishReason, Prompt, Sampling, TokenUsage

#: A server that does not even accept the connection is given up early, so that another one still has time to answer.
CONNECT_TIMEOUT_S = 5.0
#: Below the 5 s after which uvicorn, and so vLLM, closes an idle connection: a request must not meet that close.
KEEP_ALIVE_S = 4.0
MAX_CONNECTIONS = 1024
MAX_ERROR_BODY_BYTES = 65_536


class OpenAIBackend:
    """`POST {base_url}/chat/completions` with streaming, over one pool of kept-alive connections.

    Args:
        base_url: up to and with the version, such as `http://vllm:8000/v1`.
        model: the name under which the server serves the model.
        name: the name that answers and errors state; `model` if not given.
        api_key: sent as bearer token.
        session: a session to share; it stays the caller's to close. Without one, the back end makes its own on the
            first call.
    """

    def __init__(
        self,
        base_url: str,
        model: str,
        *,
        name: str | None = None,
        api_key: str | None = None,
        session: aiohttp.ClientSession | None = None,
    ) -> None:
        self._base_url = base_url.rstrip("/")
        self._model = model
        self._name = name or model
        self._headers = {"Accept": "text/event-stream"} | ({"Authorization": f"Bearer {api_key}"} if api_key else {})
        self._session = session
        self._owns_session = session is None

    @property
    def name(self) -> str:
        """The model's name, as answers state it."""
        return self._name

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        """Answer the prompt. Closing the generator closes the connection, which makes the server stop generating.

        Raises:
            ModelError: see the tree in `router.errors`.
        """
        reply = _Reply()
        try:
            async with self._open().post(
                f"{self._base_url}/chat/completions",
                json=request_body(self._model, prompt),
                headers={**self._headers, **prompt.trace_context},
                timeout=_timeout(timeout_s),
                allow_redirects=False,  # a redirected POST would go on as GET
            ) as response:
                if response.status != 200:
                    raise await self._refusal(response)
                async with aclosing(parse_sse(response.content.iter_any())) as events:
                    async for event in events:
                        if (chunk := reply.take(event)) is not None:
                            yield chunk
                if reply.finish_reason is None:
                    raise aiohttp.ClientPayloadError("the stream ended without finish_reason")
        except FOREIGN_ERRORS as error:
            raise from_exception(error, model=self._name, started=reply.started) from error

    async def look(self, *, timeout_s: float) -> ServerLoad | None:
        """See `router.backends.replica.Server`."""
        return await ask_server(self._open(), self._base_url, timeout_s=timeout_s)

    async def aclose(self) -> None:
        """Close the connections, unless the session was handed in."""
        if self._session is not None and self._owns_session:
            await self._session.close()
            self._session = None

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            connector = aiohttp.TCPConnector(limit=MAX_CONNECTIONS, keepalive_timeout=KEEP_ALIVE_S)
            self._session = aiohttp.ClientSession(connector=connector)
        return self._session

    async def _refusal(self, response: aiohttp.ClientResponse) -> ModelError:
        body = bytearray()
        async for part in response.content.iter_any():
            body += part
            if len(body) >= MAX_ERROR_BODY_BYTES:
                break
        return from_status(response.status, response.headers, body.decode(errors="replace"), model=self._name)


def _timeout(timeout_s: float) -> aiohttp.ClientTimeout:
    # aiohttp reads 0 as "no limit" and rounds limits above 5 s up to whole seconds; both would break the bound.
    return aiohttp.ClientTimeout(total=max(timeout_s, 0.001), sock_connect=CONNECT_TIMEOUT_S, ceil_threshold=math.inf)


def request_body(model: str, prompt: Prompt) -> dict[str, Any]:
    """The JSON body; `sampling.extra` cannot replace what the back end itself relies on."""
    return {
        **_sampling_fields(prompt.sampling),
        **({"cache_salt": prompt.cache_salt} if prompt.cache_salt else {}),
        "model": model,
        "messages": [{"role": message.role, "content": message.content} for message in prompt.messages],
        "stream": True,
        "stream_options": {"include_usage": True},
    }


def _sampling_fields(sampling: Sampling) -> dict[str, Any]:
    fields = {
        "max_tokens": sampling.max_tokens,
        "temperature": sampling.temperature,
        "top_p": sampling.top_p,
        "stop": list(sampling.stop) or None,
        "seed": sampling.seed,
    }
    return {**sampling.extra, **{key: value for key, value in fields.items() if value is not None}}


class _Reply:
    """What one stream has told so far."""

    def __init__(self) -> None:
        self.started = False
        self.finish_reason: FinishReason | None = None

    def take(self, event: str) -> Chunk | None:
        """The chunk in an event's data; None for an event that carries nothing to hand on.

        Raises:
            ValueError: the data is no chat completion chunk.
            aiohttp.ClientPayloadError: the server reports an error in it.
        """
        if event == "[DONE]":
            return None
        payload = json.loads(event)
        if not isinstance(payload, dict) or "choices" not in payload:
            raise aiohttp.ClientPayloadError(message_of(event))
        try:
            chunk = self._chunk(payload)
        except (AttributeError, KeyError, TypeError) as error:
            raise ValueError(f"no chat completion chunk: {event[:200]}") from error
        self.started = self.started or chunk is not None
        return chunk

    def _chunk(self, payload: Mapping[str, Any]) -> Chunk | None:
        text, finish = "", None
        for choice in payload["choices"]:
            text += choice["delta"].get("content") or ""
            finish = _finish_reason(choice.get("finish_reason")) or finish
        self.finish_reason = self.finish_reason or finish
        # Some servers count along on every chunk; only the count after the last token is one.
        usage = _usage(payload["usage"]) if self.finish_reason and payload.get("usage") else None
        return Chunk(text, finish, usage) if text or finish or usage else None


def _finish_reason(reason: str | None) -> FinishReason | None:
    if reason is not None and reason not in get_args(FinishReason):
        raise aiohttp.ClientPayloadError(f"the server ended the answer with finish_reason {reason!r}")
    return cast("FinishReason | None", reason)


def _usage(usage: Mapping[str, Any]) -> TokenUsage:
    details = usage.get("prompt_tokens_details") or {}
    return TokenUsage(usage["prompt_tokens"], usage["completion_tokens"], details.get("cached_tokens") or 0)
