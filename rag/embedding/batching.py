"""Micro-batching: what waits together runs together; what comes alone runs at once."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Protocol

import numpy as np

from rag.errors import DependencyFailed, DependencyTimeout, Overloaded, ShuttingDown
from rag.ports import EmbedderInfo, Vector, Vectors

#: A call of at most this many texts counts as interactive and goes before larger ones.
INTERACTIVE_TEXTS = 16
#: One run takes texts up to this many characters or this many texts: eight questions, or one or two passages.
RUN_CHARS = 1_000
RUN_TEXTS = 8
_CLOSED = "the embedder is closed"


class BlockingModel(Protocol):
    """An embedding model that computes on the calling thread."""

    info: EmbedderInfo

    def encode(self, texts: Sequence[str]) -> Vectors:
        """Unit vectors, shape [len(texts), dimension]."""

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text."""


class _Call:
    """One `embed` call: where its rows go, and how many are missing."""

    __slots__ = ("done", "missing", "rows")

    def __init__(self, texts: int, dimension: int) -> None:
        self.rows = np.empty((texts, dimension), np.float32)
        self.missing = texts
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def fill(self, row: int, vector: Vector) -> None:
        """Take a vector in; the last one ends the call."""
        self.rows[row] = vector
        self.missing -= 1
        if not self.missing and not self.done.done():
            self.done.set_result(None)

    def fail(self, error: Exception) -> None:
        """End the call, unless it has ended."""
        if not self.done.done():
            self.done.set_exception(error)


_Item = tuple[str, _Call, int]


class BatchingEmbedder:
    """An `Embedder` over a blocking model: bounded queue, `workers` runs side by side, small calls first.

    A run takes what waits, never waits for more: a lone text starts within microseconds, and the texts that arrive
    while the workers are busy form the next runs. A call that nobody awaits any more is dropped from the queue.
    """

    def __init__(self, model: BlockingModel, *, workers: int, max_waiting: int = 4096) -> None:
        self._model = model
        self.info = model.info
        self._pool = ThreadPoolExecutor(workers, thread_name_prefix="embed")
        self._workers = workers
        self._idle = workers
        self._max_waiting = max_waiting
        self._interactive: deque[_Item] = deque()
        self._bulk: deque[_Item] = deque()
        self._closed = False

    async def embed(self, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """See `rag.ports.Embedder`."""
        if self._closed:
            raise ShuttingDown(_CLOSED)
        queue = self._interactive if len(texts) <= INTERACTIVE_TEXTS else self._bulk
        if queue and len(queue) + len(texts) > self._max_waiting:  # alone, a call may be of any size
            raise Overloaded(f"the embedder's queue is full ({len(queue)} texts wait)")
        call = _Call(len(texts), self.info.dimension)
        if not texts:
            return call.rows
        # neighbours in the queue share a run: similar lengths keep its padding small
        order = sorted(range(len(texts)), key=lambda i: len(texts[i]))
        queue.extend((texts[i], call, i) for i in order)
        self._dispatch()
        try:
            async with asyncio.timeout(timeout_s):
                await call.done
        except TimeoutError:
            raise DependencyTimeout(f"embedding took longer than {timeout_s:.2f} s") from None
        return call.rows

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """See `rag.ports.Embedder`."""
        return self._model.count_tokens(texts)

    async def aclose(self) -> None:
        """Stop the workers; runs under way finish, what waits is refused."""
        self._closed = True
        while waiting := self._interactive or self._bulk:
            _, call, _ = waiting.popleft()
            call.fail(ShuttingDown(_CLOSED))
        await asyncio.to_thread(self._pool.shutdown, cancel_futures=True)

    def _dispatch(self) -> None:
        while self._idle and (run := self._next_run()):
            self._idle -= 1
            self._start(run)

    def _start(self, run: list[_Item]) -> None:
        loop = asyncio.get_running_loop()
        future = self._pool.submit(self._model.encode, [text for text, _, _ in run])
        future.add_done_callback(lambda done: loop.call_soon_threadsafe(self._finish, run, done))

    def _next_run(self) -> list[_Item]:
        """The next texts to embed together: an even share of what waits, within the bounds of a run."""
        run: list[_Item] = []
        chars = 0
        queue = self._interactive or self._bulk
        share = max(1, -(-len(queue) // max(1, self._idle)))
        while queue and len(run) < min(share, RUN_TEXTS) and chars < RUN_CHARS:
            item = queue.popleft()
            if not item[1].done.done():
                run.append(item)
                chars += len(item[0])
        return run if run or not self._bulk else self._next_run()  # all of a queue may have been dropped

    def _finish(self, run: list[_Item], done: Future[Vectors]) -> None:
        self._idle += 1
        error = done.exception()
        for place, (_, call, row) in enumerate(run):
            if error is not None:
                call.fail(DependencyFailed(f"the embedding model failed: {error}"))
            else:
                call.fill(row, done.result()[place])
        self._dispatch()
