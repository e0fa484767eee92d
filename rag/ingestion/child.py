"""The ingestion process: `python -m rag.ingestion.child MODEL_FOLDER WORKERS`; see `rag.ingestion.process`.

Requests come on standard input as (number, method, arguments), replies leave on standard output as (number, result,
error). It ends with its parent: standard input then is at its end.
"""

from __future__ import annotations

import asyncio
import os
import resource
import sys
import traceback
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from rag.embedding.batching import BatchingEmbedder
from rag.embedding.onnx import OnnxModel
from rag.errors import SteadyragError
from rag.ingestion import frames
from rag.ingestion.apart import limit
from rag.ingestion.chunking import Chunker
from rag.ingestion.here import LocalPreparer

#: The least share of the processor: any thread of the service goes before all of ours.
NICENESS = 19
#: Several times what model and batches take: a text that swells past it costs this process, not the machine.
MEMORY_BYTES = 6 << 30


async def serve(preparer: LocalPreparer, requests: asyncio.StreamReader, replies: asyncio.StreamWriter) -> None:
    """Answer requests, side by side, until there are no more."""

    async def answer(number: int, method: str, arguments: Sequence[object], timeout_s: float) -> None:
        result: object = None
        error: Exception | None = None
        try:
            result = await getattr(preparer, method)(*arguments, timeout_s=timeout_s)
        except SteadyragError as failed:
            error = failed
        except Exception:  # noqa: BLE001 - a defect is the caller's to judge: it travels as its traceback
            error = RuntimeError(traceback.format_exc())
        replies.write(frames.frame((number, result, error)))
        await replies.drain()

    running: set[asyncio.Task[None]] = set()
    with suppress(asyncio.IncompleteReadError, ConnectionError):  # the parent is gone, or wants us gone
        while True:
            task = asyncio.create_task(answer(*await frames.read(requests)))
            running.add(task)
            task.add_done_callback(running.discard)


async def _main(folder: Path, workers: int) -> None:
    stdout = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand among the replies
    model = OnnxModel.load(folder)
    embedder = BatchingEmbedder(model, workers=workers, max_waiting=sys.maxsize)
    preparer = LocalPreparer(Chunker(embedder.count_tokens, max_tokens=model.info.max_tokens), embedder)
    loop = asyncio.get_running_loop()
    requests = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(requests), sys.stdin.buffer)
    transport, protocol = await loop.connect_write_pipe(asyncio.streams.FlowControlMixin, stdout)
    await serve(preparer, requests, asyncio.StreamWriter(transport, protocol, None, loop))
    os._exit(0)  # without waiting for threads whose work nobody wants any more


def _yield_to_all() -> None:
    """Run only when nobody else wants to: SCHED_IDLE where there is one, and the lowest priority everywhere."""
    os.nice(NICENESS)
    if hasattr(os, "SCHED_IDLE"):
        with suppress(OSError):  # a sandbox may forbid it; niceness is then what there is
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))


if __name__ == "__main__":
    limit(resource.RLIMIT_DATA, MEMORY_BYTES)
    _yield_to_all()
    asyncio.run(_main(Path(sys.argv[1]), int(sys.argv[2])))
