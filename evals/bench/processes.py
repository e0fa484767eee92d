"""Servers and commands as children of a bench: started, measured, ended by their id."""

from __future__ import annotations

import asyncio
import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

START_TIMEOUT_S = 60.0
STOP_TIMEOUT_S = 20.0
POLL_S = 0.01


@dataclass(frozen=True, slots=True)
class Finished:
    """A command that has run: its wall time, its own peak memory, its standard output."""

    wall_s: float
    peak_mib: float
    stdout: str


#: Runs a command and writes its peak memory to a file. A process of its own, since Linux counts the memory of the
#: parent that a child was forked from as the child's.
_MEASURED = """
import resource, subprocess, sys
status = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(status)
"""


def run(arguments: Sequence[str], env: Mapping[str, str]) -> Finished:
    """Run the command to its end.

    Raises:
        RuntimeError: it failed; the message holds the end of what it said.
    """
    with tempfile.TemporaryDirectory() as folder:
        peak = Path(folder) / "peak_kib"
        command = [sys.executable, "-c", _MEASURED, str(peak), *arguments]
        start = time.perf_counter()
        done = subprocess.run(command, env={**os.environ, **env}, capture_output=True, text=True, check=False)
        wall_s = time.perf_counter() - start
        if done.returncode:
            raise RuntimeError(f"{' '.join(arguments)} ended with {done.returncode}: {done.stderr[-2000:]}")
        return Finished(wall_s, int(peak.read_text()) / 1024, done.stdout)


def steadyrag(*arguments: str) -> list[str]:
    """The command line of this environment's `steadyrag`."""
    return [str(Path(sys.executable).with_name("steadyrag")), *arguments]


@asynccontextmanager
async def server(arguments: Sequence[str], url: str, env: Mapping[str, str]) -> AsyncIterator[float]:
    """A server while the block runs; gives the seconds from its start until `url` answered 200."""
    start = time.perf_counter()
    child = await asyncio.create_subprocess_exec(
        *arguments, env={**os.environ, **env}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        await until_ready(url, child)
        yield time.perf_counter() - start
    finally:
        if child.returncode is None:
            child.terminate()
        try:
            await asyncio.wait_for(child.wait(), STOP_TIMEOUT_S)
        except TimeoutError:
            child.kill()
            await child.wait()


def free_port() -> int:
    """A port that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


async def until_ready(url: str, child: asyncio.subprocess.Process) -> None:
    """Wait until `url` answers 200.

    Raises:
        RuntimeError: the child ended before that.
        TimeoutError: it took too long.
    """
    async with asyncio.timeout(START_TIMEOUT_S), aiohttp.ClientSession() as session:
        while child.returncode is None:
            try:
                async with session.get(url) as response:
                    if response.status == 200:
                        return
            except aiohttp.ClientError:
                pass
            await asyncio.sleep(POLL_S)
    raise RuntimeError(f"the server for {url} ended with {child.returncode} before it was ready")
