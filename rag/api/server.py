"""The HTTP server: uvicorn, which lets go of its clients before it leaves them."""

from __future__ import annotations

import asyncio
import contextlib
import math
import socket
import time

import uvicorn
from fastapi import FastAPI

#: How long clients that keep a connection have, to be told with their next answer that it ends.
DRAIN_S = 2.5
POLL_S = 0.02
#: On every response, errors of the server itself included. No script is forbidden, since the page of the API's docs has
#: some; what we answer is no page, is shown in none, and where it stood is nobody's business. HTTPS is the ingress's.
SECURITY_HEADERS = (
    ("x-content-type-options", "nosniff"),
    ("content-security-policy", "frame-ancestors 'none'; base-uri 'none'; object-src 'none'"),
    ("referrer-policy", "no-referrer"),
)


class Server(uvicorn.Server):
    """Leaves signals to its caller, whose process outlives them: it still has to close what it opened.

    uvicorn closes idle connections as soon as it is told to stop, with requests already on their way on some of them:
    clients see these fail. When a balancer is what stops sending, `drain` has every answer end its connection instead,
    and waits a while for the connections to be gone.

    Args:
        config: whose `app` is of `create_app`.
    """

    capture_signals = staticmethod(contextlib.nullcontext)  # type: ignore[assignment]

    def __init__(self, config: uvicorn.Config) -> None:
        config.headers = [*config.headers, *SECURITY_HEADERS]
        super().__init__(config)
        self._draining = False

    def drain(self) -> None:
        """Stop when the clients have been let go of, or `DRAIN_S` later; what runs has its time, all the same."""
        self._draining = self.should_exit = True
        if isinstance(self.config.app, FastAPI):
            self.config.app.state.draining = True

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """See `uvicorn.Server`."""
        if self._draining:
            for listening in self.servers:
                listening.close()
            await self._let_go()
        await super().shutdown(sockets)

    async def _let_go(self) -> None:
        start, grace_s = time.monotonic(), self.config.timeout_graceful_shutdown or math.inf
        end = start + min(DRAIN_S, grace_s)
        while self.server_state.connections and time.monotonic() < end and not self.force_exit:  # noqa: ASYNC110
            await asyncio.sleep(POLL_S)
        if math.isfinite(grace_s):
            left_s = max(0.0, grace_s - (time.monotonic() - start))
            self.config.timeout_graceful_shutdown = left_s  # type: ignore[assignment]  # as good as an int there
