"""One question to `POST /v1/chat/completions`, and what came of it.

Why aiohttp: 1,000 streams/s of 8 events take 41 % of a core; a protocol of our own that stamps inside `data_received`
took 25 % and saw the first content 0.2 ms earlier (uvloop, one machine): too little to own an HTTP client for.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any, Self

import aiohttp
import orjson
from yarl import URL

from evals.errors import CannotMeasure
from evals.load.records import Shot
from evals.load.reply import Reply

#: Servers close idle connections (uvicorn after 5 s); one that rested longer than this is not used again.
MAX_IDLE_S = 2.0

#: aiohttp's errors and what a record calls them; the first class that fits decides.
ERRORS: tuple[tuple[type[Exception], str], ...] = (
    (TimeoutError, "timeout"),
    (aiohttp.ClientConnectorError, "unreachable"),
    (aiohttp.ClientConnectionError, "disconnect"),
    (aiohttp.ClientPayloadError, "disconnect"),
    (aiohttp.ClientError, "protocol"),
)


class ChatClient:
    """Asks one server, within `async with`; never retries, so that every failure shows.

    Args:
        url: the server, with or without `/v1` at its end.
        model: the model to ask for.
        stream: server-sent events rather than one JSON object.
        timeout_s: bound of one exchange from the start of sending to the last byte.
        api_key: sent as a bearer token.
        extra: further fields of the request's body.
        clock: seconds.

    Raises:
        CannotMeasure: the URL is not one of http or https.
    """

    def __init__(
        self,
        url: str,
        *,
        model: str = "steadyrag",
        stream: bool = True,
        timeout_s: float = 60.0,
        api_key: str | None = None,
        extra: Mapping[str, Any] | None = None,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        base = parse_url(url)
        self._url = base.with_path(base.path.rstrip("/").removesuffix("/v1") + "/v1/chat/completions")
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._clock = clock
        self._fields: dict[str, Any] = {"model": model, "stream": stream, **(extra or {})}
        if stream:
            self._fields["stream_options"] = {"include_usage": True}
        # A compressed stream would come in the compressor's blocks, not event by event.
        self._headers = {"Content-Type": "application/json", "Accept-Encoding": "identity"}
        if api_key:
            self._headers["Authorization"] = f"Bearer {api_key}"

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=MAX_IDLE_S),
            cookie_jar=aiohttp.DummyCookieJar(),
            headers=self._headers,
            timeout=self._timeout,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._session.close()

    async def check(self) -> None:
        """See that something answers HTTP at the URL.

        Raises:
            CannotMeasure: nothing does.
        """
        try:
            async with self._session.get(self._url.with_path("/health"), timeout=aiohttp.ClientTimeout(total=5.0)):
                pass
        except (aiohttp.ClientError, TimeoutError) as error:
            raise CannotMeasure(f"nothing answers at {self._url.origin()}: {error or 'no reply'}") from error

    async def ask(self, shot: Shot, reply: Reply) -> None:
        """Ask at once, and fill `reply` as the answer comes in; failures are written there too."""
        try:
            async with self._session.post(
                self._url, data=self._body(shot), headers={"X-Request-Id": shot.request_id}, allow_redirects=False
            ) as response:
                reply.head(response.status, response.headers)
                async for data in response.content.iter_any():
                    reply.body(data, self._clock())
                reply.end(self._clock())
        except (aiohttp.ClientError, TimeoutError) as error:
            reply.fail(next(name for kind, name in ERRORS if isinstance(error, kind)), self._clock())

    def _body(self, shot: Shot) -> bytes:
        fields = {**self._fields, "messages": [{"role": "user", "content": shot.question}]}
        if shot.max_tokens is not None:
            fields["max_tokens"] = shot.max_tokens
        return orjson.dumps(fields)


def parse_url(url: str) -> URL:
    """Read the URL of a server.

    Raises:
        CannotMeasure: it is not one of http or https, or names no host.
    """
    try:
        parsed = URL(url)
    except ValueError as error:
        raise CannotMeasure(f"{url!r} is not a URL: {error}") from error
    if parsed.scheme not in {"http", "https"} or not parsed.host:
        raise CannotMeasure(f"{url!r} is not an http:// or https:// URL")
    return parsed
