"""A service composed for a measurement, into which a judged collection is taken as documents are."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from evals.errors import CannotMeasure
from evals.retrieval.beir import Collection
from rag.compose import Service, compose
from rag.settings import load_settings
from rag.types import ANONYMOUS, Space

SPACE = Space(ANONYMOUS.tenant, "default")
#: Documents written at once.
BATCH = 256

#: Told of what is done: the name of the step, how much of it, out of how much.
Watch = Callable[[str, int, int], None]


@asynccontextmanager
async def composed(
    kept: Path | None, *, shards: int, retrieval: Mapping[str, Any] | None = None
) -> AsyncIterator[Service]:
    """A service as configured, but that every question is searched for.

    Args:
        kept: keeps what was taken in, for the next run; None: a folder that is gone afterwards.
        shards: of the dense index.
        retrieval: further settings of that section.
    """
    with _folder(kept) as folder:
        searched = {"hot_entries": 0} | dict(retrieval or {})
        service = await compose(load_settings(data_dir=folder, index={"shards": shards}, retrieval=searched))
        try:
            yield service
        finally:
            await service.aclose()


@contextmanager
def _folder(kept: Path | None) -> Iterator[Path]:
    if kept is not None:
        yield kept
        return
    with TemporaryDirectory(prefix="steadyrag-eval-") as made:
        yield Path(made)


async def take_in(service: Service, collection: Collection, watch: Watch) -> int:
    """Write the documents that are not there yet; how many these were.

    Raises:
        CannotMeasure: the data folder holds other documents.
    """
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
