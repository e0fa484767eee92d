"""`grpc_delay`: the answers of some calls come late, and those of other calls on the connection do not."""

from __future__ import annotations

from collections import deque
from functools import partial
from typing import Any, ClassVar

from chaos.proxy.toxics.grpc_stage import GrpcStage, GrpcToxic
from chaos.proxy.toxics.toxic import KIB, Count, Line, Stage, Stream
from chaos.proxy.wire import http2
from chaos.proxy.wire.http2 import Frame
from chaos.proxy.wire.window import Window


class GrpcDelayStage(GrpcStage["GrpcDelay"]):
    """Holds the frames of an answer, each for the delay of its call."""

    def __init__(self, toxic: GrpcDelay, line: Line) -> None:
        super().__init__(toxic, line)
        self._delays_s: dict[int, float] = {}
        self._held: dict[int, deque[Frame]] = {}
        self._due: deque[Frame] = deque()
        self._window = Window()
        self._ended_s: float | None = None

    def on_hit(self, stream: int) -> None:
        """Draw the call's delay."""
        jitter = self.line.random.uniform(-self.toxic.jitter, self.toxic.jitter)
        self._delays_s[stream] = max(0.0, self.toxic.latency + jitter) / 1000

    def on_request(self, frame: Frame) -> None:
        """A call that the client gives up needs no answer; not all that the client grants is for the server."""
        if frame.kind == http2.RST_STREAM:
            self._forget(frame.stream)
        if frame.kind == http2.WINDOW_UPDATE and frame.stream == 0:
            self.line.send(Stream.UPSTREAM, http2.credit(0, self._window.grant(frame.increment)))
            self._drain()
        else:
            super().on_request(frame)

    def on_answer(self, frame: Frame) -> None:
        """Hold it, or pass it on."""
        if frame.stream == 0 or frame.kind == http2.WINDOW_UPDATE:
            super().on_answer(frame)
            return
        self.line.retain(Stream.DOWNSTREAM, frame.window_bytes)
        if frame.stream in self._delays_s:
            self._hold(frame, self._delays_s[frame.stream])
        else:
            self._due.append(frame)
            self._drain()

    def on_end(self, stream: Stream, arrived_s: float) -> None:
        """The server's end waits for what is held."""
        if stream is Stream.UPSTREAM:
            super().on_end(stream, arrived_s)
        else:
            self._ended_s = arrived_s
            self._drain()

    def on_remove(self) -> bool:
        """All that is held is due."""
        self._delays_s.clear()
        for stream, held in tuple(self._held.items()):
            for _ in tuple(held):
                self._release(stream)
        return super().on_remove()

    def _hold(self, frame: Frame, delay_s: float) -> None:
        self._held.setdefault(frame.stream, deque()).append(frame)
        self.line.send(Stream.UPSTREAM, http2.credit(0, frame.window_bytes))
        self.line.call_at(self.line.now() + delay_s, partial(self._release, frame.stream))

    def _release(self, stream: int) -> None:
        """The stream's first frame is due; none is left when all were dropped or released before."""
        if held := self._held.get(stream):
            self._due.append(held.popleft())
            self._window.release(self._due[-1].window_bytes)
            if not held:
                del self._held[stream]
            self._drain()

    def _drain(self) -> None:
        """Send what is due, as far as the client takes it."""
        while self._due and (self._due[0].window_bytes <= self._window.available or self._split_first()):
            frame = self._due.popleft()
            self._window.available -= frame.window_bytes
            self.line.retain(Stream.DOWNSTREAM, -frame.window_bytes)
            super().on_answer(frame)
            if frame.ends_stream:
                self._delays_s.pop(frame.stream, None)
        if self._ended_s is not None and not self._due and not self._held:
            super().on_end(Stream.DOWNSTREAM, self._ended_s)

    def _split_first(self) -> bool:
        first, rest = self._due[0].split(self._window.available)
        if not first.window_bytes:
            return False
        self._due[0] = rest
        self._due.appendleft(first)
        return True

    def _forget(self, stream: int) -> None:
        self._delays_s.pop(stream, None)
        dropped = self._held.pop(stream, ())
        self.line.retain(Stream.DOWNSTREAM, -sum(frame.window_bytes for frame in dropped))
        self._drain()


class GrpcDelay(GrpcToxic):
    """Attributes of `grpc_delay`, beside those of every fault of gRPC calls.

    Attributes:
        latency: Milliseconds by which every frame of the answer is late.
        jitter: Milliseconds by which that may be more or less, drawn once for each call.
    """

    kind: ClassVar[str] = "grpc_delay"
    stage: ClassVar[type[Stage[Any]]] = GrpcDelayStage
    # Waiting answers are not to slow down the others, so the server is read on.
    buffer_bytes: ClassVar[int] = 64 * KIB * KIB

    latency: Count = 0
    jitter: Count = 0
