"""A service of its own under load, its threads sampled by py-spy, which needs no root for what it starts itself."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from evals.bench.processes import STOP_TIMEOUT_S, free_port, steadyrag, until_ready
from evals.errors import CannotMeasure
from evals.load import progress
from evals.load.generator import LoadRun
from evals.load.latency import measure
from evals.load.plan import LatencyOptions, plan
from rag.cli.output import people

#: Samples of each thread a second.
RATE = 100


async def sample(options: LatencyOptions, stacks: Path) -> LoadRun:
    """Start the service as configured, send the load, stop it; what it did is then in `stacks`, see `flame`.

    Args:
        options: the load; the URL is that of the service.
        stacks: gets the samples, those of the start among them.

    Raises:
        CannotMeasure: py-spy is not installed, or the service did not start.
    """
    planned = plan(options)
    async with _served(stacks) as url:
        watch = partial(progress.watch, planned=planned, url=url, console=people)
        return await measure(replace(options, url=url), planned, watch=watch)


def command(port: int, stacks: Path) -> list[str]:
    """The command line of the sampled service.

    Raises:
        CannotMeasure: py-spy is not installed.
    """
    found = shutil.which("py-spy", path=f"{Path(sys.executable).parent}{os.pathsep}{os.defpath}")
    if found is None:
        raise CannotMeasure("the profile needs py-spy: pip install 'steadyrag[evals]'")
    record = [found, "record", "--format", "raw", "--rate", str(RATE), "--output", str(stacks)]
    return [*record, "--", *steadyrag("serve", "--port", str(port))]


@asynccontextmanager
async def _served(stacks: Path) -> AsyncIterator[str]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    # A session of its own: Ctrl-C is for the load to end by, and the samples are to be kept.
    sampler = await asyncio.create_subprocess_exec(
        *command(port, stacks), stdout=asyncio.subprocess.DEVNULL, start_new_session=True
    )
    try:
        await _started(f"{url}/ready", sampler)
        yield url
    finally:
        await _stop(sampler)


async def _started(url: str, sampler: asyncio.subprocess.Process) -> None:
    try:
        await until_ready(url, sampler)
    except (RuntimeError, TimeoutError) as error:
        raise CannotMeasure(f"the service did not start under py-spy: {error}") from error


async def _stop(sampler: asyncio.subprocess.Process) -> None:
    """End the service; py-spy writes what it has when its child is gone, but not when it is stopped itself."""
    for child in _children(sampler.pid):
        os.kill(child, signal.SIGTERM)
    try:
        await asyncio.wait_for(sampler.wait(), STOP_TIMEOUT_S)
    except TimeoutError:
        os.killpg(sampler.pid, signal.SIGKILL)
        await sampler.wait()


def _children(pid: int) -> list[int]:
    """Ids of a process' children; none once it is gone, or on a system without /proc."""
    try:
        return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]
    except OSError:
        return []
