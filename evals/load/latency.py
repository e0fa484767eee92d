"""`steadyrag eval latency`: from options to a finished, stored run."""

from __future__ import annotations

import asyncio
import ipaddress
import resource
import signal
import sys
import time
from collections.abc import Callable, Coroutine
from functools import partial
from pathlib import Path
from typing import Any

import uvloop

from evals.errors import CannotMeasure
from evals.load import progress, report
from evals.load.client import ChatClient, parse_url
from evals.load.generator import Generator, LoadRun
from evals.load.plan import LatencyOptions, Plan, plan
from evals.load.slo import Slo
from evals.runs import Run, environment, git_revision, prepare_folder, save_run
from rag.cli.output import people

#: Descriptors that the process needs for other things than connections.
RESERVED_FILES = 100


def run_latency(options: LatencyOptions, *, slo: Slo, api_key: str | None, out: Path | None) -> dict[str, Any]:
    """Measure, with progress on stderr; the figures, also stored in `out` if given.

    Raises:
        CannotMeasure: the options cannot be carried out.
    """
    if out is not None:
        prepare_folder(out)
    planned, started_at, here, git = plan(options), time.time(), environment(), git_revision()
    watch = partial(progress.watch, planned=planned, url=options.url, console=people)
    run = uvloop.run(measure(options, planned, api_key=api_key, watch=watch))
    about = {"url": options.url, "seed": options.seed, "texts": len({shot.question for shot in planned.shots})}
    summary = {**about, **report.summary(run, slo)}
    if out is not None:
        config = options.as_config() | {"slo": slo.told()}
        stored = Run("latency", started_at, options.seed, config, summary, here, git)
        save_run(out, stored, [record.row() for record in run.records])
    return summary


def require_own(url: str) -> None:
    """See that load goes to this machine.

    Raises:
        CannotMeasure: the host is neither `localhost` nor a loopback address.
    """
    host = parse_url(url).host or ""
    try:
        own = ipaddress.ip_address(host).is_loopback
    except ValueError:
        own = host == "localhost"
    if not own:
        raise CannotMeasure(f"{host} is not this machine; load on a target needs --i-own-this-target")


async def measure(
    options: LatencyOptions,
    planned: Plan,
    *,
    api_key: str | None = None,
    watch: Callable[[Generator], Coroutine[Any, Any, None]],
) -> LoadRun:
    """Send the plan; SIGINT ends the sending, a second one gives up what is under way.

    Args:
        options: where to send it, and how.
        planned: what to send.
        api_key: kept apart from the options, so that no run folder holds it.
        watch: runs beside the load, and is cancelled at its end.

    Raises:
        CannotMeasure: nothing answers at the URL.
    """
    async with ChatClient(
        options.url,
        model=options.model,
        stream=options.stream,
        timeout_s=options.timeout_s,
        api_key=api_key,
        extra=options.extra,
    ) as client:
        await client.check()
        generator = Generator(client.ask, max_in_flight=min(options.max_in_flight, _connections()))
        asyncio.get_running_loop().add_signal_handler(signal.SIGINT, generator.stop)
        try:
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(watch(generator))
                run = await generator.run(planned.shots, planned.window_s)
                watching.cancel()
        finally:
            asyncio.get_running_loop().remove_signal_handler(signal.SIGINT)
    return run


def _connections() -> int:
    """How many sockets may be open, after asking the system for as many as it allows."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return sys.maxsize if hard == resource.RLIM_INFINITY else hard - RESERVED_FILES
