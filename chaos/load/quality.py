"""How good the passages are while a fault lasts: nDCG of `/v1/search` on judged questions, asked at a steady pace."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiohttp

from chaos.load.traffic import WARM_UP, TrafficOptions
from evals.load.client import parse_url
from evals.retrieval.beir import read_collection
from evals.retrieval.scores import measure

#: Few enough to change little of the latencies that are measured beside them.
PACE_RPS = 5.0
#: Passages that are asked for: documents have several, and the ten best documents are judged.
PASSAGES = 30
TIMEOUT_S = 5.0
NDCG = "ndcg@10"


class QualityProbe:
    """Asks the judged questions, in the same order in each phase, so that phases are compared on the same ones.

    Args:
        sent: whom the load asks, and with which key.
        data: folder in BEIR's format.
        phase: names the phase at the moment.

    Raises:
        CannotMeasure: the folder holds no judged collection.
    """

    def __init__(self, sent: TrafficOptions, data: Path, phase: Callable[[], str]) -> None:
        base = parse_url(sent.url)
        self._headers = {"Authorization": f"Bearer {sent.api_key}"} if sent.api_key else {}
        self._url = base.with_path(base.path.rstrip("/").removesuffix("/v1") + "/v1/search")
        collection = read_collection(data)
        self._queries, self._qrels = collection.queries, collection.qrels
        self._phase = phase
        self._waiting: dict[str, Iterator[tuple[str, str]]] = {}
        self._found: dict[str, dict[str, list[str]]] = {}

    async def run(self) -> None:
        """Ask until cancelled; a phase that outlasts the questions is measured on all of them."""
        timeout = aiohttp.ClientTimeout(total=TIMEOUT_S)
        async with aiohttp.ClientSession(timeout=timeout, headers=self._headers) as session:
            while True:
                if (phase := self._phase()) != WARM_UP:
                    await self._ask_next(session, phase)
                await asyncio.sleep(1 / PACE_RPS)

    def figures(self) -> dict[str, dict[str, Any]]:
        """Of each phase the mean nDCG@10 and the number of questions, over those that every phase has answered.

        Raises:
            CannotMeasure: ir-measures is not installed.
        """
        if not self._found:
            return {}
        common = set.intersection(*(set(found) for found in self._found.values()))
        qrels = {query: grades for query, grades in self._qrels.items() if query in common}
        return {
            phase: {NDCG: float(measure(qrels, found)[NDCG].mean()) if qrels else None, "n": len(qrels)}
            for phase, found in self._found.items()
        }

    async def _ask_next(self, session: aiohttp.ClientSession, phase: str) -> None:
        """The phase's next question; an answer that comes after the phase is of neither."""
        waiting = self._waiting.setdefault(phase, iter(self._queries.items()))
        if (query := next(waiting, None)) is not None:
            documents = await self._search(session, query[1])
            if documents is not None and phase == self._phase():
                self._found.setdefault(phase, {})[query[0]] = documents

    async def _search(self, session: aiohttp.ClientSession, question: str) -> list[str] | None:
        """Documents, best first; None where the service refuses or does not answer, which the load counts."""
        try:
            async with session.post(self._url, json={"query": question, "top_k": PASSAGES}) as response:
                if response.status != 200:
                    return None
                results = (await response.json())["results"]
        except (aiohttp.ClientError, TimeoutError):
            return None
        return list(dict.fromkeys(result["document_id"] for result in results))
