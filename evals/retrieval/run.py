"""`steadyrag eval retrieval`: a collection goes in as documents do, and every question is asked in every mode."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, cast

import numpy as np

from evals.composed import SPACE, Watch, composed, take_in
from evals.errors import CannotMeasure
from evals.retrieval.beir import Collection
from evals.retrieval.scores import PerQuery, compare, half_width, measure
from evals.runs import Row
from rag.compose import Service
from rag.pipeline.retrieve import Retrieved, Retriever
from rag.pipeline.shared import Shared
from rag.ports import Vector
from rag.retrieval.candidates import Plan
from rag.types import Deadline

HYBRID = "hybrid"
MODES = (HYBRID, "bm25", "dense")
#: Passages asked for where quality is measured, so that 100 documents come of them, and where time is.
DEEP, USUAL = 200, 10
#: Questions that are timed, and those asked before.
TIMED, WARM_UP = 1_000, 20
SEARCH_TIMEOUT_S = 60.0


@dataclass(frozen=True, slots=True)
class Options:
    """What to measure.

    Attributes:
        modes: of `MODES`.
        shards: of the dense index.
        plan: how the hybrid mode combines the indexes; None: as configured.
        data_dir: keeps what was taken in, for the next run; None: a folder that is gone afterwards.
    """

    modes: tuple[str, ...] = MODES
    shards: int = 4
    plan: str | None = None
    data_dir: Path | None = None

    def __post_init__(self) -> None:
        unknown = sorted(set(self.modes) - set(MODES))
        if unknown or not self.modes:
            raise CannotMeasure(f"--modes: {', '.join(unknown) or 'none given'}; there are {', '.join(MODES)}")
        if self.plan not in (None, "fused", "tiered"):
            raise CannotMeasure(f"--plan: {self.plan!r}; there are fused, tiered")


@dataclass(slots=True)
class Measured:
    """One mode: documents found for each query, milliseconds of each timed one, results that were degraded."""

    rankings: dict[str, list[str]] = field(default_factory=dict)
    took_ms: list[float] = field(default_factory=list)
    degraded: int = 0


async def evaluate(collection: Collection, options: Options, watch: Watch) -> tuple[dict[str, Any], list[Row]]:
    """What `steadyrag eval retrieval --json` prints, and a row for each query with every measure of every mode.

    Raises:
        CannotMeasure: the data folder holds other documents.
        SteadyragError: the service cannot be composed, or does not answer.
    """
    chosen = {"plan": options.plan} if options.plan else {}
    async with composed(options.data_dir, shards=options.shards, retrieval=chosen) as service:
        started = time.perf_counter()
        stored = await take_in(service, collection, watch)
        index_s = time.perf_counter() - started
        measured = {mode: await _ask(service, collection, mode, watch) for mode in options.modes}
        plan = service.settings.retrieval.plan
    values = {mode: measure(collection.qrels, each.rankings) for mode, each in measured.items()}
    summary = {
        "dataset": collection.name,
        "n_docs": len(collection.documents) + len(collection.blank),
        "n_blank": len(collection.blank),
        "n_queries": len(collection.queries),
        "shards": options.shards,
        "plan": plan,
        "index_s": index_s,
        "reused": stored == 0,
        **_report(measured, values),
    }
    return summary, _rows(list(collection.qrels), values)


def _rows(queries: Sequence[str], values: dict[str, dict[str, PerQuery]]) -> list[Row]:
    columns = {f"{mode}.{name}": column for mode, measures in values.items() for name, column in measures.items()}
    return [
        {"query": query} | {name: float(column[place]) for name, column in columns.items()}
        for place, query in enumerate(queries)
    ]


async def _ask(service: Service, collection: Collection, mode: str, watch: Watch) -> Measured:
    """Every question, once for what is found and once, one after the other, for the time it takes."""
    retriever = service.retriever if mode == HYBRID else service.retriever.planned(cast(Plan, mode))
    measured = Measured()
    timed = list(islice(collection.queries.values(), TIMED))
    total = len(collection.queries) + len(timed)
    for done, (query, text) in enumerate(collection.queries.items()):
        watch(mode, done, total)
        found = await _search(service, retriever, text, DEEP)
        measured.rankings[query] = list(dict.fromkeys(each.passage.document_id for each in found.passages))
        measured.degraded += bool(found.degraded)
    for text in timed[:WARM_UP]:
        await _search(service, retriever, text, USUAL)
    for done, text in enumerate(timed, start=len(collection.queries)):
        watch(mode, done, total)
        start = time.perf_counter()
        found = await _search(service, retriever, text, USUAL)
        measured.took_ms.append((time.perf_counter() - start) * 1e3)
        measured.degraded += bool(found.degraded)
    watch(mode, total, total)
    return measured


async def _search(service: Service, retriever: Retriever, text: str, top_k: int) -> Retrieved:
    """As a request does it: the question is embedded when the search asks for its vector."""
    deadline = Deadline.after(SEARCH_TIMEOUT_S, service.clock)

    async def embed() -> Vector:
        vector: Vector = (await service.embedder.embed([text], timeout_s=deadline.remaining()))[0]
        return vector

    with Shared(embed) as vector:
        return await retriever.retrieve(SPACE, text, vector, top_k=top_k, filters={}, deadline=deadline)


def _report(measured: dict[str, Measured], values: dict[str, dict[str, PerQuery]]) -> dict[str, Any]:
    modes = {
        mode: {
            **{name: float(by_query.mean()) for name, by_query in values[mode].items()},
            "ndcg@10_half_width95": half_width(values[mode]["ndcg@10"]),
            "p50_ms": _percentile(each.took_ms, 50),
            "p99_ms": _percentile(each.took_ms, 99),
            "degraded": each.degraded,
        }
        for mode, each in measured.items()
    }
    singles = [mode for mode in modes if mode != HYBRID]
    if HYBRID not in modes or not singles:
        return {"modes": modes}
    best = max(singles, key=lambda mode: modes[mode]["ndcg@10"])
    compared = compare(values[HYBRID]["ndcg@10"], values[best]["ndcg@10"])
    return {"modes": modes, "hybrid_vs_best_single": {"best": best, "measure": "ndcg@10", **compared}}


def _percentile(took_ms: Sequence[float], percent: float) -> float:
    return float(np.percentile(took_ms, percent))
