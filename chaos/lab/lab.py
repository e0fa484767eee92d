"""A small real system on this machine, to be broken: API, Redis, Qdrant's protocol over Edge shards, two models.

`async with Lab(LabOptions(replicas=2)) as lab` brings it up; ask at `lab.url`, break it at `lab.proxy_url` and
`lab.control_url`. The way of a request:

users -> proxy -> forwarder -> replica -> proxy -> redis, redis-log, qdrant, model-small, model-large

Every server is a child process; whatever was done to them, all have ended when the block is left. If this process
dies, the kernel kills them.
"""

from __future__ import annotations

import asyncio
import fcntl
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import AsyncExitStack, closing, contextmanager
from pathlib import Path
from typing import Self

from chaos.errors import CannotRun
from chaos.faults.process import Child
from chaos.lab import journal
from chaos.lab.addresses import HOST
from chaos.lab.control import Control
from chaos.lab.corpus import Ingested, corpus
from chaos.lab.forwarder import Forwarder
from chaos.lab.options import LabOptions
from chaos.lab.parts import Parts
from chaos.lab.plan import Plan
from rag.embedding.files import prepare
from rag.settings import load_settings

LOCK_FILE = "lab.lock"


class Lab:
    """The system, while the block runs.

    Attributes:
        url: where users ask; the same over restarts of replicas.
        proxy_url: the fault proxy's API.
        control_url: the lab's own, see `chaos.lab.control`.
        connections: name of each proxy -> "host:port" where it listens.
        upstreams: name of each proxy -> "host:port" behind it.
        children: by name: backends, the proxy, and the replicas "api-0", "api-1", ...
        folder: where everything lies.
    """

    def __init__(self, options: LabOptions | None = None) -> None:
        self.options = options or LabOptions()
        if self.options.replicas < 1:
            raise CannotRun("a lab has at least one replica")
        self.children: dict[str, Child] = {}
        self.folder: Path
        self._plan = Plan.make(self.options.replicas)
        self._stack = AsyncExitStack()

    @property
    def url(self) -> str:
        """See the class."""
        return f"http://{self.connections['api']}"

    @property
    def proxy_url(self) -> str:
        """See the class."""
        return f"http://{HOST}:{self._plan.proxy}"

    @property
    def control_url(self) -> str:
        """See the class."""
        return f"http://{HOST}:{self._plan.control}"

    @property
    def connections(self) -> dict[str, str]:
        """See the class."""
        return {name: f"{HOST}:{port}" for name, port in self._plan.listen.items()}

    @property
    def upstreams(self) -> dict[str, str]:
        """See the class."""
        return {name: f"{HOST}:{port}" for name, port in self._plan.upstream.items()}

    def addresses(self) -> dict[str, object]:
        """All that one must know to use the lab, as JSON."""
        return {
            "url": self.url,
            "proxy_url": self.proxy_url,
            "control_url": self.control_url,
            "connections": self.connections,
            "upstreams": self.upstreams,
            "replicas": {name: f"http://{HOST}:{port}" for name, port in self._plan.replicas.items()},
            "folder": str(self.folder),
        }

    async def __aenter__(self) -> Self:
        try:
            await self._start()
        except BaseException:
            await self._end()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._end()

    def abandon(self) -> None:
        """End all children at once, as a second Ctrl-C asks for; leaving the block is quick then."""
        for child in self.children.values():
            child.abandon()

    async def _end(self) -> None:
        for child in self.children.values():
            if child.state == "paused":
                child.resume()  # else those that end first would wait for it
        await self._stack.aclose()

    async def _start(self) -> None:
        say, documents = self.options.say, corpus(self.options.data)
        self.folder = self._stack.enter_context(_held(self.options.folder))
        ingested = Ingested(self.folder, documents, self.options.shards)
        journal.clear(self.folder)
        notes = self._stack.enter_context(closing(journal.Journal(self.folder, "lab")))
        forwarder = Forwarder(self._plan.replicas, lambda name, ready: notes.note("ready", name, ready))
        parts = Parts(
            self.options,
            self._plan,
            self.folder,
            cache_dir=await asyncio.to_thread(_prepared),
            forwarder=forwarder,
            observe=lambda name, state: notes.note("process", name, state),
        )
        backends, replicas = parts.backends(), parts.replicas()
        for children in (backends, replicas):
            self.children |= {child.name: child for child in children}
            self._stack.push_async_callback(_stop, children)
        await asyncio.to_thread(parts.make_models)
        say("starting Redis, Qdrant, models, fault proxy and API")
        with _plain_error():
            async with asyncio.TaskGroup() as rest:
                for child in replicas:
                    rest.create_task(child.start())
                async with asyncio.TaskGroup() as first:
                    for child in backends:
                        first.create_task(child.start())
                if not ingested.done:
                    say(f"taking in {documents}")
                    await ingested.take_in(parts.environment("ingestion"), self.folder / "logs" / "ingestion.log")
        self._stack.push_async_callback(forwarder.aclose)
        await forwarder.start(self._plan.upstream["api"])
        control = Control(self.children, self._plan.replicas, self.folder, self.addresses)
        await control.start(self._plan.control)
        self._stack.push_async_callback(control.aclose)


@contextmanager
def _plain_error() -> Iterator[None]:
    """The first error of a group of tasks, by itself."""
    try:
        yield
    except ExceptionGroup as errors:
        first: Exception = errors
        while isinstance(first, ExceptionGroup):
            first = first.exceptions[0]
        raise first from None


async def _stop(children: Sequence[Child]) -> None:
    """End them all, side by side; one that cannot be ended does not keep the others alive."""
    ends = await asyncio.gather(*(child.stop() for child in children), return_exceptions=True)
    for error in filter(None, ends):
        raise error


def _prepared() -> Path:
    """The folder of embedding models, with the one that replicas use in it."""
    settings = load_settings()
    prepare(settings.cache_dir, settings.embedder.model)
    return settings.cache_dir


@contextmanager
def _held(kept: Path | None) -> Iterator[Path]:
    """The lab's folder, for this lab alone; a temporary one unless it is to be kept.

    Raises:
        CannotRun: another lab has it.
    """
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="steadyrag-lab-", ignore_cleanup_errors=True) as name:
            (Path(name) / "logs").mkdir()
            yield Path(name)
        return
    (kept / "logs").mkdir(parents=True, exist_ok=True)
    with (kept / LOCK_FILE).open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise CannotRun(f"another lab runs in {kept}; stop it, or use another folder") from None
        yield kept.resolve()
