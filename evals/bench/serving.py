"""The running service: start to ready, a miss answered extractively, an exact hit against a bare handler."""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import aiohttp

from evals.bench.hammer import hammer
from evals.bench.processes import free_port, server, steadyrag

WARM_UP = 10
MISSES = 200
HIT_CONNECTIONS = 32
HIT_SECONDS = 4.0
HIT_ROUNDS = 3
PATH = "/v1/chat/completions"


async def measure(questions: Sequence[str], data_dir: Path) -> dict[str, float]:
    """Figures of one running service over the corpus in `data_dir`."""
    port, bare_port = free_port(), free_port()
    url, bare = f"http://127.0.0.1:{port}", f"http://127.0.0.1:{bare_port}"
    serve = steadyrag("serve", "--port", str(port))
    async with server(serve, f"{url}/ready", {"STEADYRAG_DATA_DIR": str(data_dir)}) as start_s:
        latency = await _misses(url, questions)
        body = _body(questions[0], "default")
        answer = await _ask(url, body)
        handler = [sys.executable, "-m", "evals.bench.bare_handler", str(bare_port), json.dumps(answer)]
        async with server(handler, f"{bare}/ready", {}):
            hits, handled = await _turns((port, PATH), (bare_port, PATH), body)
            events = _body(questions[0], "default", stream=True)
            streams, streamed = await _turns((port, PATH), (bare_port, "/stream"), events)
    return {
        "start_to_ready_s": start_s,
        "miss_p50_ms": statistics.median(latency),
        "miss_p99_ms": statistics.quantiles(latency, n=100)[-1],
        "hit_rps": hits,
        "bare_handler_rps": handled,
        "hit_vs_bare_handler": hits / handled,
        "stream_hit_rps": streams,
        "bare_stream_rps": streamed,
        "stream_hit_vs_bare_handler": streams / streamed,
    }


async def _misses(url: str, questions: Sequence[str]) -> list[float]:
    """Milliseconds of each answer, one client, nothing cached; the first ones warm up."""
    took = []
    async with aiohttp.ClientSession() as session:
        for question in questions[: WARM_UP + MISSES]:
            start = time.perf_counter()
            async with session.post(url + PATH, data=_body(question, "no-store")) as response:
                await response.read()
                response.raise_for_status()
            took.append((time.perf_counter() - start) * 1e3)
    return took[WARM_UP:]


async def _ask(url: str, body: bytes) -> object:
    """The answer from the cache: asked twice."""
    async with aiohttp.ClientSession() as session:
        for _ in range(2):
            async with session.post(url + PATH, data=body) as response:
                answer = await response.json()
    if answer["steadyrag"]["cache"]["verdict"] != "exact":
        raise RuntimeError(f"no exact hit to measure: {answer['steadyrag']}")
    return answer


async def _turns(ours: tuple[int, str], bare: tuple[int, str], body: bytes) -> tuple[float, float]:
    """Requests per second of both, measured in turns; medians."""
    hits, handled = [], []
    for _ in range(HIT_ROUNDS):
        hits.append(await asyncio.to_thread(hammer, *ours, body, HIT_CONNECTIONS, HIT_SECONDS))
        handled.append(await asyncio.to_thread(hammer, *bare, body, HIT_CONNECTIONS, HIT_SECONDS))
    return statistics.median(hits), statistics.median(handled)


def _body(question: str, cache: str, *, stream: bool = False) -> bytes:
    messages = [{"role": "user", "content": question}]
    return json.dumps(
        {"model": "steadyrag", "messages": messages, "stream": stream, "steadyrag": {"cache": cache}}
    ).encode()
