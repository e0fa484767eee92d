"""Search latency while documents are ingested by the same service, against the same searches while it rests."""

from __future__ import annotations

import asyncio
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from itertools import islice
from pathlib import Path

import aiohttp
import numpy as np

from evals.bench.processes import free_port, server, steadyrag
from rag.ingestion.sources import documents
from rag.types import Document

#: Searches arrive this often, whether or not earlier ones were answered: a stall shows in all that it delays.
RATE_RPS = 20.0
TARGETS = {"p95_ratio": (0.0, 3.0)}
WARM_UP_S, IDLE_S = 3.0, 15.0
#: Documents of one job.
JOB = 500
COLLECTION = "written-meanwhile"
POLL_S = 0.5


async def measure(questions: Sequence[str], corpus: Path, data_dir: Path, total: int) -> dict[str, float]:
    """Searches in the corpus of `data_dir` before, and while the first `total` documents go into another collection.

    It works on a copy of the folder, which is the same for the next run.
    """
    with tempfile.TemporaryDirectory() as scratch:
        copy = await asyncio.to_thread(shutil.copytree, data_dir, Path(scratch) / "data")
        return await _measure(questions, corpus, copy, total)


async def _measure(questions: Sequence[str], corpus: Path, data_dir: Path, total: int) -> dict[str, float]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    serve = server(steadyrag("serve", "--port", str(port)), f"{url}/ready", {"STEADYRAG_DATA_DIR": str(data_dir)})
    async with serve, aiohttp.ClientSession(url) as http:
        await _searches(http, questions, asyncio.create_task(asyncio.sleep(WARM_UP_S)))
        idle = await _searches(http, questions, asyncio.create_task(asyncio.sleep(IDLE_S)))
        start = time.perf_counter()
        writing = asyncio.create_task(_write(http, islice(_documents(corpus), total)))
        busy = await _searches(http, questions, writing)
        writing_s = time.perf_counter() - start
        return {
            "passages": await writing,
            "passages_per_s": await writing / writing_s,
            **{f"idle_p{at}_ms": float(np.percentile(idle, at)) for at in (50, 95, 99)},
            **{f"writing_p{at}_ms": float(np.percentile(busy, at)) for at in (50, 95, 99)},
            "p95_ratio": float(np.percentile(busy, 95) / np.percentile(idle, 95)),
        }


async def _searches(http: aiohttp.ClientSession, questions: Sequence[str], until: asyncio.Task[object]) -> list[float]:
    """Milliseconds from each search's turn to its answer, until the task ends."""
    searches: list[asyncio.Task[float]] = []
    async with asyncio.TaskGroup() as group, aclosing(_turns(until)) as turns:
        async for due in turns:
            query = questions[len(searches) % len(questions)]
            searches.append(group.create_task(_search(http, query, due)))
    return [search.result() for search in searches]


async def _turns(until: asyncio.Task[object]) -> AsyncGenerator[float, None]:
    """The time of each turn, when it has come."""
    due = time.perf_counter()
    while not until.done():
        yield due
        due += 1 / RATE_RPS
        await asyncio.sleep(max(0.0, due - time.perf_counter()))


async def _search(http: aiohttp.ClientSession, query: str, due: float) -> float:
    async with http.post("/v1/search", json={"query": query, "top_k": 10}) as response:
        answer = await response.json()
    if response.status != 200 or answer["degraded"]:
        raise RuntimeError(f"a search failed, or was not answered in full: {answer}")
    return (time.perf_counter() - due) * 1e3


def _documents(corpus: Path) -> Iterator[dict[str, str]]:
    for entry in documents([str(corpus)]):
        if isinstance(entry, Document):
            yield {"id": entry.id, "title": entry.title, "text": entry.text}


async def _write(http: aiohttp.ClientSession, entries: Iterator[dict[str, str]]) -> int:
    """Ingest the documents, one job after the other; gives back how many passages they became."""
    while batch := list(islice(entries, JOB)):
        body = {"collection": COLLECTION, "documents": batch}
        async with http.post("/v1/documents", json=body) as response:
            job = await response.json()
        while job["status"] in {"queued", "running"}:
            await asyncio.sleep(POLL_S)
            async with http.get(f"/v1/jobs/{job['id']}") as response:
                job = await response.json()
    async with http.get("/v1/collections") as response:
        found = (await response.json())["collections"]
    return next(int(each["passages"]) for each in found if each["name"] == COLLECTION)
