"""`steadyrag chaos proxy`."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import resource
import secrets
import signal
import sys
from pathlib import Path
from typing import Annotated

import typer
import uvloop

from chaos.errors import CannotRun
from chaos.proxy.server import Server

log = logging.getLogger(__name__)


def proxy(
    *,
    listen: Annotated[str, typer.Option(help="Address of the HTTP API; port 0 takes a free one.")] = "127.0.0.1:8474",
    config: Annotated[Path | None, typer.Option(metavar="FILE.json", help="Proxies to begin with.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed draws the same faults; else one is drawn.")] = None,
    beyond_loopback: Annotated[
        bool, typer.Option("--beyond-loopback", help="Let other machines reach the API and the proxies.")
    ] = False,
) -> None:
    """Run a TCP fault proxy with Toxiproxy's HTTP API, and request-level faults of its own.

    Example: `steadyrag chaos proxy --config proxies.json --seed 1`
    """
    logging.basicConfig(level=logging.INFO, format="%(message)s", stream=sys.stderr)
    seed = secrets.randbelow(2**32) if seed is None else seed
    proxies = _read(config) if config else "[]"
    uvloop.run(_serve(listen, proxies, seed, beyond_loopback=beyond_loopback))


def _read(config: Path) -> str:
    try:
        return config.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise CannotRun(f"--config {config}: {error}") from error


async def _serve(listen: str, proxies: str, seed: int, *, beyond_loopback: bool) -> None:
    """Until SIGINT or SIGTERM."""
    _allow_many_connections()
    asked_to_stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, asked_to_stop.set)
    async with Server(listen, seed=seed, beyond_loopback=beyond_loopback) as server:
        await server.populate(proxies)
        sys.stdout.write(f"listening on {server.address}\n")
        sys.stdout.flush()
        log.info("seed %d", seed)
        await asked_to_stop.wait()


def _allow_many_connections() -> None:
    """Each connection takes two file descriptors; the limit that a shell sets is low, the one it may set is not."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(ValueError, OSError):  # the system may allow fewer than it says
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
