"""The server: its API on one address, its proxies on theirs."""

from __future__ import annotations

import asyncio
from typing import Self

from aiohttp import web

from chaos.errors import BadRequest, CannotRun
from chaos.proxy.address import Address, to_listen
from chaos.proxy.api import create_api
from chaos.proxy.metrics import Metrics
from chaos.proxy.proxies import Proxies
from chaos.proxy.proxy import Context


class Server:
    """`async with Server(...) as server` runs it.

    Args:
        listen: Address of the API, `host:port`; port 0 takes a free one.
        seed: Of every draw: the same seed, proxies, toxics and order of connections make the same faults.
        beyond_loopback: Whether other machines may reach the API and the proxies.

    Attributes:
        address: Where the API is.
        proxies: What it drives.
    """

    address: Address

    def __init__(self, listen: str = "127.0.0.1:0", *, seed: int = 0, beyond_loopback: bool = False) -> None:
        metrics = Metrics()
        context = Context(asyncio.get_running_loop(), seed, beyond_loopback, metrics.traffic)
        self.proxies = Proxies(context)
        self._listen = listen
        self._beyond_loopback = beyond_loopback
        api = create_api(self.proxies, metrics)
        self._runner = web.AppRunner(api, access_log=None, shutdown_timeout=0.1)

    @property
    def url(self) -> str:
        """Where the API is."""
        return f"http://{self.address}"

    async def populate(self, config: str) -> None:
        """Have these proxies, written as for `POST /populate`.

        Raises:
            CannotRun: They cannot be had.
        """
        try:
            await self.proxies.populate(config, [])
        except BadRequest as error:
            raise CannotRun(f"--config: {error}") from error

    async def __aenter__(self) -> Self:
        """Listen.

        Raises:
            CannotRun: The address cannot be listened on.
        """
        await self._runner.setup()
        try:
            address = await to_listen(self._listen, beyond_loopback=self._beyond_loopback)
            await web.TCPSite(self._runner, *address).start()
        except (BadRequest, OSError) as error:
            await self._runner.cleanup()
            raise CannotRun(f"--listen {self._listen}: {error}") from error
        self.address = Address(*self._runner.addresses[0][:2])
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close the API, all proxies and their connections."""
        await self._runner.cleanup()  # first, so that no request starts a proxy afterwards
        self.proxies.close()
