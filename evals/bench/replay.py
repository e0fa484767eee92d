"""Repeated questions, as users ask them, with the answer cache and without: what it serves, and how often wrongly.

The questions of SQuAD are asked with Zipf's popularity, many of them as somebody else would type them. The service
runs as its users start it, and one client asks one question after the other.
"""

from __future__ import annotations

import json
import random
import re
import shutil
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import aiohttp
from rich.progress import track

from cache.bounds import at_most
from cache.types import Verdict
from evals.bench.phases import Targets
from evals.bench.processes import free_port, server, steadyrag
from evals.cache.generated import light_rephrasings
from evals.load.questions import zipf
from rag.cli.output import people

TARGETS: Targets = {"wrong_upper95": (0.0, 0.01)}
#: Share of the questions that are asked in other words than in the data.
REPHRASED = 0.5
PATH = "/v1/chat/completions"
_CITATION = re.compile(r"\[\d+\]")


@dataclass(frozen=True, slots=True)
class Asked:
    """One question of the replay: which one of the data, and how it was typed."""

    id: str
    text: str


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back: the answer's text without its citations, the cache's verdict, milliseconds."""

    text: str
    verdict: str
    took_ms: float


async def measure(data: Path, data_dir: Path, *, requests: int, seed: int) -> dict[str, float]:
    """Figures of the same questions without the cache and with it, on a service each, one after the other.

    Both get each question before anybody gets the next, so that an hour in which the machine is slow is one for both.

    Args:
        data: a BEIR folder whose queries have answers.
        data_dir: holds its corpus; copied for the other service.
        requests: how many.
        seed: of what is asked.
    """
    answers = _answers(data)
    asked = list(islice(_replay(data, seed), requests))
    without, cached = [], []
    with tempfile.TemporaryDirectory() as folder:
        copy = shutil.copytree(data_dir, Path(folder) / "data")
        async with _service(data_dir) as plain, _service(copy) as caching:
            for each in track(asked, "replay", console=people, transient=True):
                without.append(await _ask(plain, each.text, "no-store"))
                cached.append(await _ask(caching, each.text, "default"))
    return figures(asked, without, cached, answers)


def figures(
    asked: Sequence[Asked], without: Sequence[Reply], cached: Sequence[Reply], answers: dict[str, frozenset[str]]
) -> dict[str, float]:
    """What the cache saved, and what it cost.

    A served answer is right if it is the one that some question with one of the same right answers gets without the
    cache, in whatever words; any other is a wrong serve.

    Args:
        asked: the questions.
        without: the reply to each without the cache.
        cached: the reply to each with it.
        answers: the right answers of each question.
    """
    right = _right(asked, without, answers)
    served = [place for place, reply in enumerate(cached) if reply.verdict in {Verdict.EXACT, Verdict.SEMANTIC}]
    wrong = sum(cached[place].text not in right[asked[place].id] for place in served)
    verdicts = Counter(reply.verdict for reply in cached)
    times = {"without": [reply.took_ms for reply in without], "with": [reply.took_ms for reply in cached]}
    return {
        "requests": len(asked),
        "texts": len({each.text for each in asked}),
        "hit_ratio": len(served) / len(asked),
        **{f"{verdict}_share": verdicts[verdict] / len(asked) for verdict in (Verdict.EXACT, Verdict.SEMANTIC)},
        "model_calls_saved": len(served),
        "wrong": wrong,
        "wrong_share": wrong / max(1, len(served)),
        "wrong_upper95": at_most(wrong, max(1, len(served))),
        **{
            f"{name}_p{at}_ms": statistics.quantiles(took, n=100)[at - 1]
            for name, took in times.items()
            for at in (50, 95)
        },
    }


def _right(
    asked: Sequence[Asked], without: Sequence[Reply], answers: dict[str, frozenset[str]]
) -> dict[str, frozenset[str]]:
    """For each question the texts that answer it: those of all questions that share one of its right answers."""
    by_answer: dict[str, set[str]] = defaultdict(set)
    for each, reply in zip(asked, without, strict=True):
        for answer in answers[each.id]:
            by_answer[answer].add(reply.text)
    return {each.id: frozenset().union(*(by_answer[answer] for answer in answers[each.id])) for each in asked}


def _replay(data: Path, seed: int) -> Iterator[Asked]:
    """Questions without end, as often as they are popular, half of them rephrased."""
    rng = random.Random(f"{seed}/rephrasings")
    texts = {each["_id"]: each["text"] for each in _queries(data)}
    for name in zipf(list(texts), 1.0, seed):
        ways = list(light_rephrasings(texts[name], rng).values())
        yield Asked(name, rng.choice(ways) if rng.random() < REPHRASED else texts[name])


def _answers(data: Path) -> dict[str, frozenset[str]]:
    return {each["_id"]: frozenset(each["metadata"]["answers"]) for each in _queries(data)}


def _queries(data: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (data / "queries.jsonl").read_text().splitlines()]


@asynccontextmanager
async def _service(data_dir: Path) -> AsyncIterator[aiohttp.ClientSession]:
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    serve = steadyrag("serve", "--port", str(port))
    # answers of an earlier run must not be served in this one
    settings = {"STEADYRAG_DATA_DIR": str(data_dir), "STEADYRAG_CACHE__STORE": "memory:"}
    async with server(serve, f"{url}/ready", settings), aiohttp.ClientSession(url) as http:
        yield http


async def _ask(http: aiohttp.ClientSession, text: str, cache: str) -> Reply:
    body = {"model": "steadyrag", "messages": [{"role": "user", "content": text}], "steadyrag": {"cache": cache}}
    start = time.perf_counter()
    async with http.post(PATH, json=body) as response:
        answer = await response.json()
        if response.status != 200:
            raise RuntimeError(f"{text!r} got {response.status}: {answer}")
    took_ms = (time.perf_counter() - start) * 1e3
    # citations are numbers of places in a prompt, whose order depends on what was asked before
    text = _CITATION.sub("", answer["choices"][0]["message"]["content"])
    return Reply(text, answer["steadyrag"]["cache"]["verdict"], took_ms)
