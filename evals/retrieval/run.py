"""`steadyrag eval retrieval`: a collection goes in as documents do, and every question is asked in every mode."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

import numpy as np

from evals.errors import CannotMeasure
from evals.retrieval.beir import Collection
from evals.retrieval.scores import compare, half_width, measure
from rag.compose import Service, compose
from rag.pipeline.retrieve import Retrieved, Retriever
from rag.pipeline.shared import Shared
from rag.ports import Vector
from rag.retrieval.candidates import Plan
from rag.settings import Settings, load_settings
from rag.types import ANONYMOUS, Deadline, Space

HYBRID = "hybrid"
MODES = (HYBRID, "bm25", "dense")
SPACE = Space(ANONYMOUS.tenant, "default")
#: Documents written at once.
BATCH = 256
#: Passages asked for where quality is measured, so that 100 documents come of them, and where time is.
DEEP, USUAL = 200, 10
#: Questions that are timed, and those asked before.
TIMED, WARM_UP = 1_000, 20
SEARCH_TIMEOUT_S = 60.0

#: Told of what is done: the name of the step, how much of it, out of how much.
Watch = Callable[[str, int, int], None]


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


async def evaluate(collection: Collection, options: Options, watch: Watch) -> dict[str, Any]:
    """What `steadyrag eval retrieval --json` prints.

    Raises:
        CannotMeasure: the data folder holds other documents.
        SteadyragError: the service cannot be composed, or does not answer.
    """
    with _folder(options.data_dir) as folder:
        async with _service(folder, options) as service:
            started = time.perf_counter()
            stored = await _take_in(service, collection, watch)
            index_s = time.perf_counter() - started
            measured = {mode: await _ask(service, collection, mode, watch) for mode in options.modes}
            plan = service.settings.retrieval.plan
    return {
        "dataset": collection.name,
        "n_docs": len(collection.documents) + len(collection.blank),
        "n_blank": len(collection.blank),
        "n_queries": len(collection.queries),
        "shards": options.shards,
        "plan": plan,
        "index_s": index_s,
        "reused": stored == 0,
        **_report(collection, measured),
    }


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
        return
    with TemporaryDirectory(prefix="steadyrag-eval-") as made:
        yield Path(made)


@asynccontextmanager
async def _service(folder: Path, options: Options) -> AsyncIterator[Service]:
    service = await compose(_settings(folder, options))
    try:
        yield service
    finally:
        await service.aclose()


def _settings(folder: Path, options: Options) -> Settings:
    """As configured, but that every question is searched for."""
    retrieval: dict[str, Any] = {"hot_entries": 0} | ({"plan": options.plan} if options.plan else {})
    return load_settings(data_dir=folder, index={"shards": options.shards}, retrieval=retrieval)


async def _take_in(service: Service, collection: Collection, watch: Watch) -> int:
    """Write the documents that are not there yet; how many these were."""
    stored, total = 0, len(collection.documents)
    for start in range(0, total, BATCH):
        watch("ingesting", start, total)
        written = await service.writer.put(SPACE, collection.documents[start : start + BATCH])
        stored += len(written.stored)
    watch("ingesting", total, total)
    held = {name: documents for name, documents, _ in await service.store.collections(SPACE.tenant, timeout_s=60)}
    if held.get(SPACE.collection, 0) != total:
        raise CannotMeasure(
            f"{service.folder.path} holds {held.get(SPACE.collection, 0)} documents, the corpus has {total}: "
            "another collection was taken into it; name another --data-dir"
        )
    return stored


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


def _report(collection: Collection, measured: dict[str, Measured]) -> dict[str, Any]:
    values = {mode: measure(collection.qrels, each.rankings) for mode, each in measured.items()}
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
