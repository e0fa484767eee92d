"""A proxy: an address that is listened on, an upstream, and toxics between them."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from chaos.errors import BadRequest
from chaos.proxy.address import Address, parse, to_listen
from chaos.proxy.connection import Connection
from chaos.proxy.injection import Injection
from chaos.proxy.lane import Clock
from chaos.proxy.peer import Traffic
from chaos.proxy.toxics.toxic import Stream, Timer

log = logging.getLogger(__name__)

BACKLOG = 4096
NOT_FOUND, CONFLICT = 404, 409


@dataclass(frozen=True, slots=True)
class Context:
    """What all proxies of a server share.

    Attributes:
        clock: What delays and durations are by.
        seed: Of every draw.
        beyond_loopback: Whether other machines may reach a proxy.
        traffic: Counters for a proxy as it is named, listens and is connected; the same for the same.
    """

    clock: Clock
    seed: int
    beyond_loopback: bool
    traffic: Callable[[str, str, str], dict[Stream, Traffic]]


class Proxy:
    """One proxy. Its methods that wait must not run at the same time.

    Attributes:
        name: By which the API knows it.
        listen: The address asked for; the true one once it listens.
        upstream: The address that clients are connected to.
        enabled: Whether it listens.
    """

    def __init__(self, context: Context, name: str, listen: str, upstream: str) -> None:
        parse(upstream)
        self.name = name
        self.listen = listen
        self.upstream = upstream
        self.enabled = False
        self._context = context
        self._injections: dict[str, Injection] = {}
        self._ends: dict[str, Timer] = {}
        self._connections: dict[Connection, None] = {}
        self._dials: set[asyncio.Task[None]] = set()
        self._opened = 0
        self._traffic: dict[Stream, Traffic] = {}
        self._server: asyncio.Server

    def as_json(self) -> dict[str, Any]:
        """As Toxiproxy shows it."""
        return {
            "name": self.name,
            "listen": self.listen,
            "upstream": self.upstream,
            "enabled": self.enabled,
            "toxics": self.toxics(),
        }

    def toxics(self) -> list[dict[str, Any]]:
        """Its toxics as Toxiproxy shows them: upstream before downstream, in the order that they were added."""
        return [each.as_json() for stream in Stream for each in self._injections.values() if each.stream is stream]

    async def start(self) -> None:
        """Listen, if it does not.

        Raises:
            BadRequest: The address cannot be listened on.
        """
        if self.enabled:
            return
        address = await to_listen(self.listen, beyond_loopback=self._context.beyond_loopback)
        loop = asyncio.get_running_loop()
        try:
            self._server = await loop.create_server(self._accept, *address, backlog=BACKLOG)
        except OSError as error:
            # asyncio puts its own sentence around the system's, which Toxiproxy's clients know.
            reason = os.strerror(error.errno).lower() if error.errno else str(error)
            raise BadRequest(f"listen tcp {address}: bind: {reason}", 500) from error
        self.listen = str(Address(*self._server.sockets[0].getsockname()[:2]))
        self._traffic = self._context.traffic(self.name, self.listen, self.upstream)
        self.enabled = True
        log.info("proxy %s listens on %s for %s", self.name, self.listen, self.upstream)

    def stop(self) -> None:
        """Listen no more, and close what is open at once."""
        if self.enabled:
            self.enabled = False
            self._server.close()
            for dial in tuple(self._dials):
                dial.cancel()
            for connection in tuple(self._connections):
                connection.abort()

    def close(self) -> None:
        """Stop, for good."""
        self.stop()
        self.clear()

    async def update(self, *, listen: str, upstream: str, enabled: bool) -> None:
        """Change its addresses, which closes what is open, and whether it listens.

        Raises:
            BadRequest: An address is none, or cannot be listened on.
        """
        parse(upstream)
        if upstream != self.upstream or not await self.listens_on(listen):
            self.stop()
            self.listen, self.upstream = listen, upstream
        if enabled:
            await self.start()
        else:
            self.stop()

    async def listens_on(self, listen: str) -> bool:
        """Whether this is its address, however it is written.

        Raises:
            BadRequest: The address cannot be listened on.
        """
        if listen == self.listen:
            return True
        return str(await to_listen(listen, beyond_loopback=self._context.beyond_loopback)) == self.listen

    def find(self, name: str) -> Injection:
        """The toxic of this name.

        Raises:
            BadRequest: There is none.
        """
        if name not in self._injections:
            raise BadRequest("toxic not found", NOT_FOUND)
        return self._injections[name]

    def add(self, injection: Injection) -> None:
        """Put a toxic behind the others, on open connections too.

        Raises:
            BadRequest: There is one of this name.
        """
        self.require_free(injection.name)
        self._injections[injection.name] = injection
        self._limit(injection)
        for connection in tuple(self._connections):
            connection.add(injection)

    def require_free(self, name: str) -> None:
        """Check that a toxic can have this name.

        Raises:
            BadRequest: There is one of this name.
        """
        if name in self._injections:
            raise BadRequest("toxic already exists", CONFLICT)

    def changed(self, injection: Injection) -> None:
        """A toxic of this proxy has other attributes or another toxicity or duration."""
        self._limit(injection)
        for connection in tuple(self._connections):
            connection.update(injection)

    def remove(self, name: str) -> None:
        """Take a toxic away; what waits in it flows on.

        Raises:
            BadRequest: There is none.
        """
        injection = self.find(name)
        del self._injections[name]
        self._unlimit(name)
        for connection in tuple(self._connections):
            connection.remove(injection)

    def clear(self) -> None:
        """Take all toxics away."""
        for name in tuple(self._injections):
            self.remove(name)

    def _limit(self, injection: Injection) -> None:
        """Have the toxic go away by itself."""
        self._unlimit(injection.name)
        if injection.duration_ms:
            clock = self._context.clock
            at_s = clock.time() + injection.duration_ms / 1000
            self._ends[injection.name] = clock.call_at(at_s, lambda: self.remove(injection.name))

    def _unlimit(self, name: str) -> None:
        if timer := self._ends.pop(name, None):
            timer.cancel()

    def _accept(self) -> asyncio.Protocol:
        """A client comes."""
        self._opened += 1
        seed = f"{self._context.seed}/{self.name}/{self._opened}"
        connection = Connection(self._context.clock, seed, self._traffic, self._forget)
        self._connections[connection] = None
        dial = asyncio.get_running_loop().create_task(self._dial(connection))
        self._dials.add(dial)
        dial.add_done_callback(self._dials.discard)
        return connection.client

    async def _dial(self, connection: Connection) -> None:
        loop = asyncio.get_running_loop()
        try:
            await loop.create_connection(lambda: connection.upstream, *parse(self.upstream))
        except OSError as error:
            log.warning("proxy %s: no connection to %s: %s", self.name, self.upstream, error)
            connection.abort()
        else:
            self._connections[connection] = None  # a client that has left took it away
            connection.start(self._injections.values())

    def _forget(self, connection: Connection) -> None:
        self._connections.pop(connection, None)
