"""Addresses as Go writes them, `host:port`, and whether they may be listened on."""

from __future__ import annotations

import asyncio
import ipaddress
import re
import socket
from typing import NamedTuple

from chaos.errors import BadRequest

WRITTEN = re.compile(r"(?:\[(?P<ipv6>[^\[\]]*)\]|(?P<host>[^:\[\]]*)):(?P<port>\d{1,5})")
#: Hosts that mean every address of the machine.
WILDCARDS = {"", "0.0.0.0", "::"}  # noqa: S104 - looked for, so that it is not bound
LOOPBACK = "127.0.0.1"


class Address(NamedTuple):
    """A host, by name or number, and a port; port 0 takes a free one."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


def parse(written: str) -> Address:
    """Read `host:port`, `[::1]:port` or `:port`.

    Raises:
        BadRequest: It is none of these.
    """
    match = WRITTEN.fullmatch(written)
    if not match or int(match["port"]) > 65535:
        raise BadRequest(f"bad request body: address {written!r} is not host:port")
    return Address(match["ipv6"] or match["host"] or "", int(match["port"]))


async def to_listen(written: str, *, beyond_loopback: bool) -> Address:
    """The numeric address to bind for what was asked for, of two families IPv4.

    Unless it may go beyond the loopback, a wildcard is the loopback: clients ask for 0.0.0.0 by default.

    Args:
        written: See `parse`; empty is any free port.
        beyond_loopback: Whether other machines may reach it.

    Raises:
        BadRequest: No address, of another machine, or beyond the loopback.
    """
    host, port = parse(written or ":0")
    if host in WILDCARDS:
        return Address((host or "0.0.0.0") if beyond_loopback else LOOPBACK, port)  # noqa: S104
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except OSError as error:
        raise BadRequest(f"listen tcp: lookup {host}: {error.strerror}", 500) from error
    number = min(found, key=lambda each: each[0] != socket.AF_INET)[4][0]
    if not beyond_loopback and not ipaddress.ip_address(str(number).partition("%")[0]).is_loopback:
        raise BadRequest(f"listen {written}: only addresses of the loopback, unless started with --beyond-loopback")
    return Address(str(number), port)
