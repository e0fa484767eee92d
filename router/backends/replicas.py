"""One model behind several servers: who shares a prefix goes where it lies, and who is not well is left out."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import aclosing

from router.backends.affinity import by_affinity, by_load
from router.backends.outliers import OutlierConfig, Outliers
from router.backends.replica import Replica, Server
from router.errors import ModelError, ModelOverloaded, ModelUnavailable, ModelUnreachable, StreamBroken
from router.types import Chunk, Load, Prompt

#: Seconds between two looks at the servers, and those that each has for an answer.
LOOK_EVERY_S = 1.0
LOOK_TIMEOUT_S = 1.0
#: What a request waits for a look of its own, when none answered the last one: what is back is to be asked at once.
LAST_LOOK_S = 0.2
#: Replicas that one request is given to, one after another, as long as no token came.
ATTEMPTS = 2


class ReplicatedBackend:
    """A `ChatBackend` over the servers of one model.

    A prompt with a prefix goes by affinity, any other one to the least loaded server. Until its first token came
    another server takes over from one that fails, is full or is lost.

    Args:
        name: the model's name, as answers state it.
        servers: by their addresses.
        outliers: which of them are ejected for being slow or failing.
        clock: seconds, never running backwards.
    """

    def __init__(
        self,
        name: str,
        servers: Mapping[str, Server],
        *,
        outliers: OutlierConfig | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name = name
        self._replicas = {address: Replica(address, server, clock) for address, server in servers.items()}
        self._outliers = Outliers(self._replicas, outliers or OutlierConfig(), clock)
        self._clock = clock
        self._turn = itertools.count()
        self._watch: asyncio.Task[None] | None = None

    @property
    def name(self) -> str:
        """See `router.ports.ChatBackend`."""
        return self._name

    async def stream(self, prompt: Prompt, *, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        """See `router.ports.ChatBackend`.

        Raises:
            ModelError: the last server's, or `ModelUnreachable` when none answers.
        """
        self._start_watching()
        ends_at = self._clock() + timeout_s
        failed: ModelError = ModelUnreachable("none of its servers answers", model=self._name)
        if all(replica.lost for replica in self._replicas.values()):
            await self.look(timeout_s=min(LAST_LOOK_S, timeout_s))
        for replica in self._to_try(prompt)[:ATTEMPTS]:
            try:
                async with aclosing(self._judged(replica, prompt, ends_at - self._clock())) as chunks:
                    async for chunk in chunks:
                        yield chunk
            except (ModelUnavailable, ModelOverloaded) as error:  # neither comes after the first token
                failed = error
            else:
                return
        raise failed

    def load(self) -> Load:
        """See `router.ports.Reporting`: all that its servers have, whoever asked."""
        return Load(
            healthy=not all(replica.lost for replica in self._replicas.values()),
            under_way=sum(replica.load for replica in self._replicas.values()),
        )

    async def look(self, *, timeout_s: float = LOOK_TIMEOUT_S) -> None:
        """Ask every server how it is, at once."""
        await asyncio.gather(*(replica.look(timeout_s=timeout_s) for replica in self._replicas.values()))

    async def aclose(self) -> None:
        """Stop looking at the servers and give back the connections."""
        if self._watch is not None:
            self._watch.cancel()
            await asyncio.gather(self._watch, return_exceptions=True)
            self._watch = None
        for replica in self._replicas.values():
            await replica.aclose()

    def _to_try(self, prompt: Prompt) -> list[Replica]:
        """The replicas that answer, in the order of preference; one that is not well only if none is."""
        ejected = self._outliers.ejected
        answering = {name: each for name, each in self._replicas.items() if not each.lost}
        well = {name: each for name, each in answering.items() if name not in ejected and not each.crowded}
        usable = well or answering
        if prompt.prefix:
            order = by_affinity(prompt.prefix, {name: each.work for name, each in usable.items()})
        else:
            order = by_load(str(next(self._turn)), {name: each.load for name, each in usable.items()})
        return [usable[name] for name in order]

    async def _judged(self, replica: Replica, prompt: Prompt, timeout_s: float) -> AsyncGenerator[Chunk, None]:
        """The replica's answer; how it went tells whether it is an outlier."""
        began, first = self._clock(), True
        try:
            async with aclosing(replica.stream(prompt, timeout_s=timeout_s)) as chunks:
                async for chunk in chunks:
                    if first:
                        self._outliers.answered(replica.address, self._clock() - began)
                        first = False
                    yield chunk
        except (ModelUnavailable, StreamBroken):
            self._outliers.failed(replica.address)
            raise

    def _start_watching(self) -> None:
        if self._watch is None:
            self._watch = asyncio.create_task(self._look_on(), name=f"watch-{self._name}")

    async def _look_on(self) -> None:
        while True:
            await self.look()
            await asyncio.sleep(LOOK_EVERY_S)
