"""`steadyrag serve`."""

from __future__ import annotations

import asyncio
import errno
import logging
import signal
import socket
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import typer
import uvicorn
from uvicorn.config import LOGGING_CONFIG

from rag.api.app import create_app
from rag.api.server import Server
from rag.cli.output import people, run
from rag.compose import compose
from rag.errors import ConfigError
from rag.settings import Settings, load_settings
from rag.storage.folder import current_owner
from rag.telemetry.logs import log_json
from rag.telemetry.metrics import Metrics

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
BACKLOG = 2048


def serve(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65_535, help="Port; 0 takes a free one.")] = 8000,
    workers: Annotated[int, typer.Option(min=1, help="Processes; the embedded set-up is one.")] = 1,
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings file.")] = None,
) -> None:
    """Serve the HTTP API; on the loopback, unless there are keys.

    Example: `steadyrag serve --port 8080`

    Example: `STEADYRAG_ADMIN_KEY=... steadyrag serve --host 0.0.0.0`
    """
    if workers > 1:
        raise ConfigError("--workers above 1 needs stores that processes can share; the embedded set-up is one process")
    settings = load_settings(config)
    with _listen(host, port, settings.data_dir) as listener:
        run(_serve(settings, listener, beyond_loopback=host not in LOOPBACK))


async def _serve(settings: Settings, listener: socket.socket, *, beyond_loopback: bool) -> None:
    metrics = Metrics()
    as_json = settings.telemetry.log == "json"
    if as_json:
        log_json(sys.stderr)
    service = await compose(settings, observe=metrics.answer, on_event=metrics.event, background=True)
    if beyond_loopback:
        try:
            service.access.require()
        except ConfigError:
            await service.aclose()
            raise
    try:
        url = _url(listener)
        server = Server(
            uvicorn.Config(
                create_app(service, metrics),
                lifespan="on",
                log_config=None if as_json else LOGGING_CONFIG,
                log_level=logging.WARNING,
                access_log=False,
                server_header=False,
                date_header=False,
                timeout_graceful_shutdown=max(1, round(settings.shutdown_s)),
            )
        )
        logging.getLogger("uvicorn.error").addFilter(_tells_something)
        service.folder.announce(url)
        serves = f"steadyrag serves [bold]{url}[/bold] (API docs at {url}/docs, Ctrl-C stops)"
        people.print(serves, markup=True, soft_wrap=True)
        if not service.access.required:
            people.print("no key is needed, so only this machine is served; see steadyrag keys", soft_wrap=True)
        with _signals(server):
            await server.serve(sockets=[listener])
        if server.force_exit:
            await server.lifespan.shutdown()  # which uvicorn leaves out when it is told to stop at once
    finally:
        await asyncio.shield(service.aclose())
        people.print("steadyrag stopped")


@contextmanager
def _signals(server: Server) -> Iterator[None]:
    """Stop in order on SIGINT or SIGTERM, at once on a SIGINT after that."""
    loop = asyncio.get_running_loop()

    def stop(number: signal.Signals) -> None:
        if server.should_exit and number == signal.SIGINT:
            server.force_exit = True
        elif number == signal.SIGTERM:  # as orchestrators do, with clients that go on elsewhere
            server.drain()
        else:
            server.should_exit = True

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop, number)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


def _tells_something(record: logging.LogRecord) -> bool:
    """Whether the record is no traceback of a request that was cut off at shutdown; uvicorn counts those in a line."""
    return record.exc_info is None or not isinstance(record.exc_info[1], asyncio.CancelledError)


def _listen(host: str, port: int, data_dir: Path) -> socket.socket:
    """The bound socket.

    Raises:
        ConfigError: the port is taken, by a service on this data folder or by another program, or may not be used.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise _taken(host, port, data_dir) from None
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}; choose another with --port") from None
    return listener


def _taken(host: str, port: int, data_dir: Path) -> ConfigError:
    owner = current_owner(data_dir)
    if owner is not None and owner.url is not None and urlsplit(owner.url).port == port:
        return ConfigError(
            f"steadyrag runs already: process {owner.pid} serves {owner.url} from {data_dir}; use it, or stop it first"
        )
    return ConfigError(f"port {port} of {host} is in use by another program; stop it, or choose another with --port")


def _url(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
