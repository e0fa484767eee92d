"""Replicas of a service in one process: a log and a cache that they share in Redis, data folders of their own."""

import asyncio
from collections import Counter
from contextlib import asynccontextmanager

from rag.compose import compose
from rag.errors import DependencyFailed
from rag.pipeline.prompt import NOT_FOUND
from rag.pipeline.request import Answer, Ask
from rag.settings import load_settings
from rag.types import ANONYMOUS, Deadline, Scope, Space
from router.types import Chunk, Message, TokenUsage
from tests.support.failing import Failing

TIMEOUT_S = 30.0


class Quoting:
    """A model that says the first sentence of the best passage; counts what it was asked, and can be held.

    Attributes:
        asked: question -> how often it began to answer it.
        open: clear it to hold answers back behind their first word.
    """

    def __init__(self):
        self.asked = Counter()
        self.open = asyncio.Event()
        self.open.set()
        self.begun = asyncio.Event()

    def named(self, name):
        quoting = self

        class Named:
            def __init__(self):
                self.name = name

            async def stream(self, prompt, *, timeout_s):
                quoting.asked[prompt.question] += 1
                quoting.begun.set()
                if not prompt.excerpts:
                    yield Chunk(NOT_FOUND, "stop", TokenUsage(90, 7))
                    return
                best = prompt.excerpts[0]
                yield Chunk("It says: ")
                await quoting.open.wait()
                yield Chunk(f"{best.text} {best.marker}", "stop", TokenUsage(90, 7))

            async def aclose(self):
                pass

        return Named()


class Replica:
    """One replica, and its parts that can be told to fail.

    Attributes:
        service: what was composed.
        parts: seam -> the part.
    """

    def __init__(self, model):
        self.parts = {}
        self.service = None
        self._model = model

    def wrap(self, seam, adapter):
        self.parts[seam] = self._model.named(seam) if seam.startswith("model:") else Failing(adapter)
        return self.parts[seam]

    def ask(self, question, tenant="default", **fields):
        """The request."""
        deadline = Deadline.after(fields.pop("timeout_s", TIMEOUT_S), self.service.clock)
        scope = Scope(Space(tenant, "default"), "steadyrag", "")
        return Ask(ANONYMOUS, scope, deadline, "req_1", (Message("user", question),), **fields)

    async def answer(self, question, tenant="default", **fields):
        """The answer; asked again while the lease is gone, which composing another replica on this loop may cost."""
        answer = None
        while answer is None:
            try:
                async for event in self.service.pipeline.run(self.ask(question, tenant, **fields)):
                    answer = event
            except DependencyFailed as error:
                if "hear the document log" not in error.message:
                    raise
                await asyncio.sleep(0.1)
        assert isinstance(answer, Answer)
        return answer

    async def in_step(self):
        """Take in all that others stored."""
        await self.service.cache.replication.catch_up(timeout_s=TIMEOUT_S)

    def stored(self):
        """What this replica holds: question, name and whether it may be served."""
        return {(entry.key[1], entry.name) for entry in self.service.cache if not entry.outdated}

    def fail_retrieval(self):
        self.parts["store"].fail("passages", DependencyFailed("it is down"))


@asynccontextmanager
async def replica(folder, model_folder, model, *, cache, log="sqlite:", **settings):
    """A replica while the block runs."""
    made = Replica(model)
    sections = {"cache": {"store": cache}, "log": {"url": log}, "index": {"shards": 1}, "limits": {"min_free_bytes": 0}}
    named = {"models": {"small": "http://127.0.0.1:9/v1#small", "large": "http://127.0.0.1:9/v1#large"}}
    loaded = load_settings(data_dir=folder, cache_dir=model_folder.parent.parent, **(sections | named | settings))
    made.service = await compose(loaded, wrap=made.wrap)
    try:
        yield made
    finally:
        await made.service.aclose()
