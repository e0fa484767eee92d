"""What `GET /metrics` tells: Toxiproxy's two counters, and those of the process."""

from __future__ import annotations

from collections.abc import Iterator

from prometheus_client import CollectorRegistry, ProcessCollector, generate_latest
from prometheus_client.core import CounterMetricFamily

from chaos.proxy.peer import Traffic
from chaos.proxy.toxics.toxic import Stream

LABELS = ("direction", "proxy", "listener", "upstream")


class Metrics:
    """Bytes by direction, proxy, listener and upstream; they stay when a proxy goes."""

    def __init__(self) -> None:
        self._traffic: dict[tuple[str, str, str], dict[Stream, Traffic]] = {}
        self._registry = CollectorRegistry()
        self._registry.register(self)
        ProcessCollector(registry=self._registry)

    def traffic(self, proxy: str, listener: str, upstream: str) -> dict[Stream, Traffic]:
        """Where the bytes of a proxy are counted; the same for the same."""
        return self._traffic.setdefault((proxy, listener, upstream), {stream: Traffic() for stream in Stream})

    def text(self) -> bytes:
        """In Prometheus' text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """See `prometheus_client.registry.Collector`."""
        received = CounterMetricFamily("toxiproxy_proxy_received_bytes", "Bytes read from the source.", labels=LABELS)
        sent = CounterMetricFamily("toxiproxy_proxy_sent_bytes", "Bytes written to the destination.", labels=LABELS)
        for names, streams in self._traffic.items():
            for stream, traffic in streams.items():
                received.add_metric((stream, *names), traffic.received)
                sent.add_metric((stream, *names), traffic.sent)
        yield received
        yield sent
