"""Preparation of documents in a child process of the lowest priority, so that questions are answered as fast as ever.

A process, not threads: cutting is Python and would hold the interpreter's lock while questions wait for it, and the
operating system knows how to let one process wait for another. The child is started when it is first needed, and again
when it has ended; it ends with its parent.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from rag.errors import DependencyFailed, DependencyTimeout, ShuttingDown
from rag.ingestion import frames
from rag.ports import Vectors
from rag.types import Document, Passage, Space

#: Texts in one message, and messages on their way: what the pipes and both processes hold at once is bounded.
EMBED_TEXTS = 64
IN_FLIGHT = 4


class ProcessPreparer:
    """A `Preparer` in a child process.

    Args:
        model_folder: the exported embedding model.
        dimension: length of its vectors.
        workers: embedding runs side by side; 0 means one for each core.
    """

    def __init__(self, model_folder: Path, dimension: int, workers: int = 0) -> None:
        self._command = ("-m", "rag.ingestion.child", str(model_folder), str(workers or os.cpu_count() or 1))
        self._dimension = dimension
        self._child: _Child | None = None
        self._starting = asyncio.Lock()
        self._places = asyncio.Semaphore(IN_FLIGHT)
        self._closed = False

    @property
    def pid(self) -> int | None:
        """The child's id; None while there is none."""
        return self._child.pid if self._child and self._child.alive else None

    async def cut(self, space: Space, documents: Sequence[Document], *, timeout_s: float) -> list[tuple[Passage, ...]]:
        """See `rag.ports.Preparer`."""
        passages: list[tuple[Passage, ...]] = await self._ask("cut", (space, documents), timeout_s)
        return passages

    async def embed(self, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """See `rag.ports.Preparer`."""
        slices = [texts[start : start + EMBED_TEXTS] for start in range(0, len(texts), EMBED_TEXTS)]
        vectors = np.empty((len(texts), self._dimension), np.float32)

        async def fill(number: int, part: Sequence[str]) -> None:
            start = number * EMBED_TEXTS
            vectors[start : start + len(part)] = await self._ask("embed", (part,), timeout_s)

        for result in await asyncio.gather(*itertools.starmap(fill, enumerate(slices)), return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        return vectors

    async def aclose(self) -> None:
        """End the child; what it was asked fails."""
        self._closed = True
        async with self._starting:
            if self._child is not None:
                await self._child.kill()

    async def _ask(self, method: str, arguments: Sequence[object], timeout_s: float) -> Any:
        child = None
        try:
            async with asyncio.timeout(timeout_s), self._places:
                child = await self._running()
                return await child.ask(method, arguments, timeout_s)
        except TimeoutError:
            if child is not None:
                await child.kill()  # whatever it hangs in, the next one need not
            raise DependencyTimeout(f"the ingestion process took longer than {timeout_s:.2f} s") from None

    async def _running(self) -> _Child:
        """The child; a new one if there is none that lives."""
        async with self._starting:
            if self._closed:
                raise ShuttingDown("ingestion has ended")
            if self._child is None or not self._child.alive:
                self._child = await _Child.start(self._command)
            return self._child


class _Child:
    """One child process, from its start to its end."""

    def __init__(self, process: Process, requests: asyncio.StreamWriter, replies: asyncio.StreamReader) -> None:
        self._process = process
        self._requests, self._replies = requests, replies
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}
        self._reading = asyncio.create_task(self._read(), name="ingestion-process")

    @classmethod
    async def start(cls, arguments: Sequence[str]) -> _Child:
        # a session of its own: Ctrl-C is the parent's to handle
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdin=PIPE, stdout=PIPE, start_new_session=True
        )
        if process.stdin is None or process.stdout is None:
            raise AssertionError("both were asked for as pipes")
        return cls(process, process.stdin, process.stdout)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def alive(self) -> bool:
        return not self._reading.done()

    async def ask(self, method: str, arguments: Sequence[object], timeout_s: float) -> Any:
        number = next(self._numbers)
        reply = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            request = await asyncio.to_thread(frames.frame, (number, method, arguments, timeout_s))
            if not self._requests.is_closing():
                self._requests.write(request)
                with suppress(ConnectionError):  # it has ended, which `_read` tells
                    await self._requests.drain()
            return await reply
        finally:
            del self._waiting[number]

    async def kill(self) -> None:
        self._end()
        await asyncio.wait({self._reading})

    def _end(self) -> None:
        if self._process.returncode is None:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)  # `Process.kill` would reap it before the loop does

    async def _read(self) -> None:
        """Hand out replies until the child has ended, then fail what it still owes."""
        try:
            with suppress(asyncio.IncompleteReadError, ConnectionError):
                while True:
                    self._reply(*await frames.read(self._replies))
        except BaseException:  # what it says cannot be read, or nobody listens any more
            self._end()
            raise
        finally:
            self._requests.close()
            status = await self._process.wait()
            for reply in self._waiting.values():
                if not reply.done():
                    reply.set_exception(DependencyFailed(f"the ingestion process ended with status {status}"))

    def _reply(self, number: int, result: Any, error: Exception | None) -> None:
        reply = self._waiting.get(number)
        if reply is None or reply.done():
            return
        if error is None:
            reply.set_result(result)
        else:
            reply.set_exception(error)
