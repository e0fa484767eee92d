"""A real server behind the fault proxy, and a line that only records, for stages alone."""

from collections import defaultdict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random

from chaos.proxy.client import ProxyClient
from chaos.proxy.server import Server
from chaos.proxy.toxics.toxic import Chunk, Stream

NAME = "faulted"


@dataclass
class Faulted:
    """Where the server is reached through the proxy, and the faults on the way."""

    client: ProxyClient
    address: str

    @property
    def url(self):
        return f"http://{self.address}"

    async def add(self, kind, **attributes):
        return await self.client.add(NAME, {"type": kind, "name": kind, "attributes": attributes})

    async def change(self, kind, **attributes):
        return await self.client.change(NAME, kind, attributes=attributes)

    async def remove(self, kind):
        await self.client.remove(NAME, kind)


@asynccontextmanager
async def faulted(port, seed=0):
    """The server that listens on this port of the loopback, behind the proxy."""
    async with Server(seed=seed) as server, ProxyClient(server.url) as client:
        made = await client.create(NAME, "127.0.0.1:0", f"127.0.0.1:{port}")
        yield Faulted(client, made["listen"])


@dataclass
class RecordedLine:
    """What a stage does to its line; time is set by the test."""

    since_start: bool = True
    stream: Stream = Stream.DOWNSTREAM
    random: Random = field(default_factory=lambda: Random(0))
    time_s: float = 0.0
    sent: dict = field(default_factory=lambda: defaultdict(bytes))
    waiting: dict = field(default_factory=lambda: defaultdict(list))
    retained: dict = field(default_factory=lambda: defaultdict(int))
    timers: list = field(default_factory=list)
    ended: list = field(default_factory=list)
    over: set = field(default_factory=set)

    def now(self):
        return self.time_s

    def send(self, stream, data, at_s=0.0):
        if stream in self.over:
            return
        if at_s > self.time_s or self.waiting[stream]:
            self.waiting[stream].append(data)
        else:
            self.sent[stream] += data

    def end(self, stream, at_s=0.0):
        self.over.add(stream)
        self.ended.append((stream, at_s))

    def close(self, stream, at_s=0.0):
        self.over.update(Stream)
        self.ended.append(("close", stream))

    def reset(self):
        self.over.update(Stream)
        self.ended.append("reset")

    def retain(self, stream, n_bytes):
        self.retained[stream] += n_bytes

    def call_at(self, at_s, callback):
        self.timers.append((at_s, callback))

    def pass_time(self, to_s):
        """Let all that is due by then happen, in order."""
        due = sorted((timer for timer in self.timers if timer[0] <= to_s), key=lambda timer: timer[0])
        self.timers = [timer for timer in self.timers if timer[0] > to_s]
        for self.time_s, callback in due:
            callback()
        self.time_s = to_s


def tell(stage, stream, *chunks):
    """Have the chunks arrive."""
    for data in filter(None, chunks):
        stage.on_data(stream, Chunk(data, stage.line.now()))


def cut(data, places):
    """The bytes in pieces, cut at these places."""
    ends = [0, *sorted(places), len(data)]
    return [data[start:end] for start, end in pairwise(ends)]
