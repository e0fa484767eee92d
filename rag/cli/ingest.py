"""`steadyrag ingest`."""

from __future__ import annotations

import asyncio
import gzip
import threading
import zlib
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Protocol, TypeVar

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeRemainingColumn

from rag.cli.output import FAILED, people, print_json, run
from rag.cli.remote import connect, key_of, service_url
from rag.errors import InvalidRequest, Overloaded, SteadyragError
from rag.ingestion.apart import Apart
from rag.ingestion.readers.jsonl import count_records
from rag.ingestion.sources import STDIN, BadFile, documents, expand
from rag.settings import Settings, load_settings
from rag.types import ANONYMOUS, Document, Space

if TYPE_CHECKING:
    from rag.cli.client import Remote
    from rag.compose import Service

T = TypeVar("T")

#: Documents of one batch, and characters after which a batch is full.
BATCH_DOCUMENTS = 128
BATCH_CHARS = 2_000_000
#: Batches on their way at once: while one is embedded, the next is cut and the one before is stored.
IN_FLIGHT = 3
POLL_S = 0.2
#: Before a batch is sent again to a service that has too much waiting.
BUSY_PAUSE_S = 2.0
#: Broken files named one by one; the rest are counted.
SHOWN_FAILURES = 20


@dataclass(slots=True)
class Outcome:
    """What an ingestion did."""

    collection: str
    documents: int = 0
    stored: int = 0
    unchanged: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)

    def add(self, documents: int, unchanged: int, failures: Sequence[dict[str, str]]) -> None:
        """Count a batch."""
        self.stored += documents - unchanged - len(failures)
        self.unchanged += unchanged
        self.failures += failures


class Sink(Protocol):
    """Where documents go."""

    async def put(self, documents: Sequence[Document], outcome: Outcome) -> None:
        """Store the batch and count it in `outcome`."""


def ingest(
    paths: Annotated[list[str], typer.Argument(metavar="PATH...", help="Files, folders, globs; - reads JSONL.")],
    collection: Annotated[str, typer.Option(help="Where the documents go.")] = "default",
    url: Annotated[str | None, typer.Option(help="A running service; found by itself when it is local.")] = None,
    config: Annotated[Path | None, typer.Option(metavar="FILE.toml", help="Settings file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object at the end.")] = False,
) -> None:
    """Read documents into the index. Unchanged ones are passed over, so that a stopped run is simply started again.

    Broken files are reported and skipped; the exit status is then 1.

    Example: `steadyrag ingest docs/ notes.md corpus.jsonl.gz`
    """
    settings = load_settings(config)
    outcome = run(_ingest(settings, paths, collection, service_url(settings, url)))
    if as_json:
        print_json(asdict(outcome))
    _show(outcome)
    if outcome.failures:
        raise typer.Exit(FAILED)


async def _ingest(settings: Settings, paths: Sequence[str], collection: str, url: str | None) -> Outcome:
    outcome = Outcome(collection)
    total = await _reading(lambda: _count(paths, settings.limits.file_bytes))
    limits = settings.limits
    entries = documents(paths, limits.file_bytes, Apart(limits.read_cpu_s, limits.read_memory_bytes))
    async with _sink(settings, collection, url) as sink:
        with _progress() as progress:
            task = progress.add_task("ingesting", total=total)
            await _feed(entries, sink, outcome, lambda n: progress.advance(task, n))
    return outcome


@asynccontextmanager
async def _sink(settings: Settings, collection: str, url: str | None) -> AsyncIterator[Sink]:
    space = Space(ANONYMOUS.tenant, collection)
    if url is not None:
        async with connect(url, key_of(settings)) as service:
            yield RemoteSink(service, collection)
        return
    from rag.compose import compose  # noqa: PLC0415 - half a second, for nothing where a service runs

    service_here = await compose(settings)
    try:
        yield LocalSink(service_here, space)
    finally:
        await service_here.aclose()


class LocalSink:
    """The index of this process."""

    def __init__(self, service: Service, space: Space) -> None:
        self._service = service
        self._space = space

    async def put(self, documents: Sequence[Document], outcome: Outcome) -> None:
        """See `Sink`."""
        written = await self._service.writer.put(self._space, documents)
        failures = [{"source": key, "reason": "the document holds no text"} for key in written.empty]
        outcome.add(len(documents), len(written.unchanged), failures)


class RemoteSink:
    """A running service, through its jobs."""

    def __init__(self, service: Remote, collection: str) -> None:
        self._service = service
        self._collection = collection

    async def put(self, documents: Sequence[Document], outcome: Outcome) -> None:
        """See `Sink`. A document that the service refuses is reported."""
        body = {"collection": self._collection, "documents": [asdict(document) for document in documents]}
        try:
            job = await self._submit(body)
        except InvalidRequest as error:
            await self._put_halves(documents, error, outcome)
            return
        while job["status"] in {"queued", "running"}:
            await asyncio.sleep(POLL_S)
            job = await self._service.call("GET", f"/v1/jobs/{job['id']}")
        failures = [{"source": f["document_id"], "reason": f["reason"]} for f in job["failures"]]
        outcome.add(len(documents), job["unchanged"], failures)

    async def _submit(self, body: object) -> dict[str, Any]:
        """The job for the documents; a full queue is waited for, since the service works it off."""
        while True:
            try:
                return await self._service.call("POST", "/v1/documents", body)
            except Overloaded:
                await asyncio.sleep(BUSY_PAUSE_S)

    async def _put_halves(self, documents: Sequence[Document], error: InvalidRequest, outcome: Outcome) -> None:
        """Find the documents for which the service refused the batch, by halving it."""
        if len(documents) == 1:
            outcome.failures.append({"source": documents[0].id, "reason": error.message})
            return
        middle = len(documents) // 2
        for half in (documents[:middle], documents[middle:]):
            await self.put(half, outcome)


async def _feed(
    entries: Iterator[Document | BadFile], sink: Sink, outcome: Outcome, advance: Callable[[int], object]
) -> None:
    """Read batches and hand them to the sink, a few at a time."""
    places = asyncio.Semaphore(IN_FLIGHT)

    async def put(batch: list[Document]) -> None:
        try:
            await sink.put(batch, outcome)
            advance(len(batch))
        finally:
            places.release()

    try:
        async with asyncio.TaskGroup() as group:
            while True:
                await places.acquire()
                batch, bad = await _reading(lambda: _next_batch(entries))
                outcome.documents += len(batch) + len(bad)
                outcome.failures += [{"source": entry.source, "reason": entry.reason} for entry in bad]
                advance(len(bad))
                if not batch:
                    break
                group.create_task(put(batch))
    except* SteadyragError as failed:
        raise failed.exceptions[0] from None


async def _reading(work: Callable[[], T]) -> T:
    """Run `work` on a thread that is left behind when the caller is cancelled.

    A read of standard input ends only when its writer pleases, and the threads of an executor are waited for at exit.
    """
    done: Future[T] = Future()
    done.set_running_or_notify_cancel()  # a caller who goes leaves the result unread, and the thread none the wiser

    def read() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - the caller raises it
            done.set_exception(error)

    threading.Thread(target=read, name="reading", daemon=True).start()
    return await asyncio.wrap_future(done)


def _next_batch(entries: Iterator[Document | BadFile]) -> tuple[list[Document], list[BadFile]]:
    """The next documents, and the broken files met on the way."""
    batch: list[Document] = []
    bad: list[BadFile] = []
    chars = 0
    for entry in entries:
        if isinstance(entry, BadFile):
            bad.append(entry)
            continue
        batch.append(entry)
        chars += len(entry.text)
        if len(batch) == BATCH_DOCUMENTS or chars >= BATCH_CHARS:
            break
    return batch, bad


def _count(paths: Sequence[str], max_bytes: int) -> int | None:
    """Documents to come, for the progress bar; None when standard input is among them."""
    total = 0
    for path in expand(paths):
        if path == STDIN:
            return None
        opener = gzip.open if path.suffix == ".gz" else open
        if ".jsonl" in path.name:
            try:
                with opener(path, "rb") as file:
                    total += count_records(file, max_bytes)
            except (OSError, EOFError, zlib.error):
                pass  # said with its reason when the file is read
        else:
            total += 1
    return total


def _progress() -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=people,
    )


def _show(outcome: Outcome) -> None:
    for failure in outcome.failures[:SHOWN_FAILURES]:
        line = f"skipped {failure['source']}: {failure['reason']}"
        people.print(line, highlight=False, soft_wrap=True)
    if len(outcome.failures) > SHOWN_FAILURES:
        people.print(f"... and {len(outcome.failures) - SHOWN_FAILURES} more")
    people.print(
        f"{outcome.stored} stored, {outcome.unchanged} unchanged, {len(outcome.failures)} skipped "
        f"in collection {outcome.collection!r}",
        highlight=False,
        soft_wrap=True,
    )
