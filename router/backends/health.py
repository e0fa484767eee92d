"""What a model's server says of itself: `/health`, and vLLM's `/metrics`."""

from __future__ import annotations

import re
from dataclasses import dataclass

import aiohttp

from router.backends.openai_errors import FOREIGN_ERRORS

#: vLLM's gauges (vllm/v1/metrics/loggers.py); a server that runs several engines tells them one by one.
RUNNING, WAITING, KV_USE = "vllm:num_requests_running", "vllm:num_requests_waiting", "vllm:kv_cache_usage_perc"
_GAUGE = re.compile(rf"^({RUNNING}|{WAITING}|{KV_USE})(?:{{.*}})? (\S+)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ServerLoad:
    """Requests that run and that wait, and the share (0..1) of the KV cache in use, of the fullest engine."""

    running: int = 0
    waiting: int = 0
    kv_use: float = 0.0

    @property
    def requests(self) -> int:
        """All that it has."""
        return self.running + self.waiting


async def ask_server(session: aiohttp.ClientSession, base_url: str, *, timeout_s: float) -> ServerLoad | None:
    """The load of a server, zeros where it does not tell; None if it does not answer or says that it is not well.

    A server that has no `/health` is well as long as it answers at all.

    Args:
        session: what to ask by.
        base_url: of the API, such as `http://vllm:8000/v1`; health and metrics stand beside `v1`.
        timeout_s: bound of either question, seconds.
    """
    root, limit = base_url.rstrip("/").removesuffix("/v1"), aiohttp.ClientTimeout(total=timeout_s)
    try:
        async with session.get(f"{root}/health", timeout=limit) as health:
            if health.status >= 500:
                return None
        async with session.get(f"{root}/metrics", timeout=limit) as metrics:
            return load_of(await metrics.text()) if metrics.status == 200 else ServerLoad()
    except FOREIGN_ERRORS:
        return None


def load_of(metrics: str) -> ServerLoad:
    """The load in Prometheus' text format.

    Raises:
        ValueError: a figure that is none.
    """
    figures: dict[str, list[float]] = {RUNNING: [], WAITING: [], KV_USE: []}
    for gauge in _GAUGE.finditer(metrics):
        figures[gauge[1]].append(float(gauge[2]))
    return ServerLoad(int(sum(figures[RUNNING])), int(sum(figures[WAITING])), max(figures[KV_USE], default=0.0))
