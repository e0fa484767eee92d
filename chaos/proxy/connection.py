"""A connection through the proxy: two peers, and the toxics between them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from random import Random

from chaos.proxy.injection import Attached, Injection
from chaos.proxy.lane import Clock, Sink
from chaos.proxy.peer import Peer, Traffic
from chaos.proxy.toxics.toxic import Stream


class Connection:
    """Two peers, linked once both are there.

    Args:
        clock: What all delays are by.
        seed: What its stages draw from, each with its own name added.
        traffic: Where its bytes are counted, by stream.
        on_lost: Called when no peer is left.

    Attributes:
        peers: Who sends each stream: the client upstream, the upstream downstream.
    """

    def __init__(
        self, clock: Clock, seed: str, traffic: Mapping[Stream, Traffic], on_lost: Callable[[Connection], None]
    ) -> None:
        self.peers = {stream: Peer(self, stream, traffic) for stream in Stream}
        self.client.other, self.upstream.other = self.upstream, self.client
        self._clock = clock
        self._seed = seed
        self._on_lost = on_lost
        self._attached: list[Attached] = []
        self._present: set[Peer] = set()
        self._undelivered = set(Stream)
        self._started = False
        self._aborted = False

    @property
    def client(self) -> Peer:
        """Who opened the connection."""
        return self.peers[Stream.UPSTREAM]

    @property
    def upstream(self) -> Peer:
        """Whom it is for."""
        return self.peers[Stream.DOWNSTREAM]

    def start(self, injections: Iterable[Injection]) -> None:
        """Both peers are there: let their bytes flow, through these toxics."""
        self._started = True
        for injection in injections:
            self._attach(injection, since_start=True)
        self._link()
        for attached in tuple(self._attached):
            attached.start()
        for peer in self.peers.values():
            peer.begin()

    def add(self, injection: Injection) -> None:
        """Put a toxic behind the others, if the draw says so. One that comes before `start` is given to that, too."""
        if self._started and (attached := self._attach(injection, since_start=False)):
            self._link()
            attached.start()

    def update(self, injection: Injection) -> None:
        """The injection's toxic or toxicity was changed."""
        attached = self._find(injection)
        if attached and self._drawn(injection) < injection.toxicity:
            attached.update()
        elif attached:
            self.remove(injection)
        else:
            self.add(injection)

    def remove(self, injection: Injection) -> None:
        """Take a toxic away; what waits in it flows on."""
        attached = self._find(injection)
        if attached and attached.remove():
            self._attached.remove(attached)
            self._link()

    def joined(self, peer: Peer) -> None:
        """See `chaos.proxy.peer.Listener`."""
        self._present.add(peer)
        if self._aborted:
            peer.transport.abort()

    def delivered(self, stream: Stream) -> None:
        """See `chaos.proxy.peer.Listener`. After both streams, all is over."""
        self._undelivered.discard(stream)
        if not self._undelivered:
            for peer in self._present:
                peer.transport.close()

    def lost(self, peer: Peer) -> None:
        """See `chaos.proxy.peer.Listener`."""
        self._present.discard(peer)
        if not self._present:
            self._discard()
            self._on_lost(self)

    def reset(self) -> None:
        """Close by RST to both; what waits is lost."""
        self._discard()
        for peer in self._present:
            peer.reset()

    def abort(self) -> None:
        """Close at once; what waits is lost."""
        self._aborted = True
        self._discard()
        for peer in self._present:
            peer.transport.abort()

    def _discard(self) -> None:
        for attached in self._attached:
            attached.discard()

    def _attach(self, injection: Injection, *, since_start: bool) -> Attached | None:
        random = self._random(injection)
        if random.random() >= injection.toxicity:
            return None
        attached = Attached(injection, random, self._clock, self.peers, reset=self.reset, since_start=since_start)
        self._attached.append(attached)
        return attached

    def _link(self) -> None:
        """Lead each stream from its sender through its lanes to its receiver."""
        for stream, source in self.peers.items():
            sink: Sink = self.peers[stream.opposite]
            for attached in reversed(self._attached):
                if lane := attached.lanes.get(stream):
                    lane.next, sink = sink, lane
            source.out = sink

    def _find(self, injection: Injection) -> Attached | None:
        return next((each for each in self._attached if each.injection is injection), None)

    def _random(self, injection: Injection) -> Random:
        return Random(f"{self._seed}/{injection.name}")  # noqa: S311 - repeatable faults, no secrets

    def _drawn(self, injection: Injection) -> float:
        return self._random(injection).random()
