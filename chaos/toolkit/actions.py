"""What an experiment does. Every fault has an action that ends it, which as a rollback may come a second time."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any

from chaos.load.traffic import PHASE
from chaos.toolkit.calls import Configuration, activity, address, begun, call, ending, note

#: Begins the names of our toxics, so that a shared proxy keeps those of others.
OURS = "chaos-"


@activity
async def phase(name: str, seconds: float, configuration: Configuration) -> None:
    """Begin a phase of the load ("baseline", "fault", "recovery") and let it last."""
    await note(configuration, PHASE, name)
    await asyncio.sleep(float(seconds))


@activity
async def add_toxic(
    proxy: str,
    toxic: str,
    configuration: Configuration,
    *,
    attributes: Mapping[str, Any] | None = None,
    stream: str = "downstream",
    toxicity: float = 1.0,
) -> None:
    """Put a toxic of the fault proxy on a connection ("qdrant", "redis", "model-small", "model-large")."""
    chosen = attributes or {}
    body = {"name": OURS + toxic, "type": toxic, "stream": stream, "toxicity": toxicity, "attributes": chosen}
    await call("POST", address(configuration, "proxy_url", f"/proxies/{proxy}/toxics"), body)
    await begun(configuration, f"{proxy}: {toxic}", ", ".join(f"{key} {value}" for key, value in chosen.items()))


@activity
async def remove_toxic(proxy: str, toxic: str, configuration: Configuration) -> None:
    """Take a toxic away, if it is there; what it held back flows on."""
    await ending(configuration, f"{proxy}: {toxic}")
    url = address(configuration, "proxy_url", f"/proxies/{proxy}/toxics/{OURS}{toxic}")
    await call("DELETE", url, known=(404,))


@activity
async def cut_connection(proxy: str, configuration: Configuration) -> None:
    """Refuse connections and close those that are open, as when the server is gone."""
    await call("POST", address(configuration, "proxy_url", f"/proxies/{proxy}"), {"enabled": False})
    await begun(configuration, f"{proxy}: down")


@activity
async def mend_connection(proxy: str, configuration: Configuration) -> None:
    """Let connections through again."""
    await ending(configuration, f"{proxy}: down")
    await call("POST", address(configuration, "proxy_url", f"/proxies/{proxy}"), {"enabled": True})


@activity
async def add_faults(
    seams: Sequence[str], kind: str, configuration: Configuration, arguments: Mapping[str, Any] | None = None
) -> None:
    """Put a fault ("latency", "error", "stall") before the adapters at seams of every replica of the lab."""
    for seam in seams:
        body = {"seam": seam, "kind": kind, **(arguments or {})}
        await call("POST", address(configuration, "control_url", "/faults"), body)
    await begun(configuration, f"{', '.join(seams)}: {kind}")


@activity
async def remove_faults(seams: Sequence[str], kind: str, configuration: Configuration) -> None:
    """Take away the faults at all seams; who waits at one goes on."""
    await ending(configuration, f"{', '.join(seams)}: {kind}")
    await call("DELETE", address(configuration, "control_url", "/faults"))


@activity
async def pause_process(name: str, configuration: Configuration) -> None:
    """Stop a process of the lab in its tracks (SIGSTOP): its sockets stay open and say nothing."""
    await _process(name, "stop", configuration)
    await begun(configuration, f"{name}: paused")


@activity
async def resume_process(name: str, configuration: Configuration) -> None:
    """Let it go on (SIGCONT)."""
    await ending(configuration, f"{name}: paused")
    await _process(name, "cont", configuration)


@activity
async def kill_process(name: str, configuration: Configuration) -> None:
    """End a process of the lab at once (SIGKILL)."""
    await _process(name, "kill", configuration)
    await begun(configuration, f"{name}: killed")


@activity
async def restart_process(name: str, configuration: Configuration) -> None:
    """Start it again, and wait until it serves."""
    await ending(configuration, f"{name}: killed")
    await _process(name, "restart", configuration)


@activity
async def rolling_restart(names: Sequence[str], at_least_s: float, configuration: Configuration) -> None:
    """Restart processes of the lab one after another, each once the one before serves again, in whole rounds."""
    await begun(configuration, "rolling restart", ", ".join(names))
    loop = asyncio.get_running_loop()
    end_s = loop.time() + at_least_s
    while loop.time() < end_s:
        for name in names:
            await _process(name, "restart", configuration)
    await ending(configuration, "rolling restart")


@activity
async def flush_redis(configuration: Configuration) -> None:
    """Empty Redis, as an operator's mistake or a failover to an empty replica does."""
    from redis.asyncio import Redis  # noqa: PLC0415 - an extra, which only this action needs

    async with Redis.from_url(str(configuration["redis_url"])) as client:
        await client.flushall()
    await begun(configuration, "redis: flushed")


@activity
async def end_flush(configuration: Configuration) -> None:
    """Note the end of the time in which the flush is felt: there is nothing to undo."""
    await ending(configuration, "redis: flushed")


@activity
async def spike(factor: float, configuration: Configuration) -> None:
    """Multiply the load."""
    await call("POST", address(configuration, "load_url", "/rate"), {"factor": factor})
    await begun(configuration, "load", f"{factor:g} times")


@activity
async def end_spike(configuration: Configuration) -> None:
    """The load as it was."""
    await ending(configuration, "load")
    await call("POST", address(configuration, "load_url", "/rate"), {"factor": 1.0})


@activity
async def start_slow_clients(number: int, configuration: Configuration) -> None:
    """Add clients that send and read a few bytes a second."""
    await call("POST", address(configuration, "load_url", "/slow-clients"), {"number": number})
    await begun(configuration, "slow clients", str(number))


@activity
async def stop_slow_clients(configuration: Configuration) -> None:
    """Send them away."""
    await ending(configuration, "slow clients")
    await call("DELETE", address(configuration, "load_url", "/slow-clients"))


async def _process(name: str, what: str, configuration: Configuration) -> None:
    await call("POST", address(configuration, "control_url", f"/processes/{name}/{what}"))
