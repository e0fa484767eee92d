"""Where a streamed reply is cut: after so many events and so many bytes."""

from __future__ import annotations

from evals.load.sse import EventParser


class Allowance:
    """How much of a reply's content may pass: until both bounds are reached.

    Args:
        events: whole server-sent events; one that carries no data does not count.
        n_bytes: bytes of content.
    """

    def __init__(self, events: int, n_bytes: int) -> None:
        self._events = events
        self._bytes = n_bytes
        self._parser = EventParser()

    @property
    def spent(self) -> bool:
        """Whether nothing more may pass."""
        return self._events <= 0 and self._bytes <= 0

    def take(self, data: bytes) -> int:
        """How many of these further bytes may pass."""
        if self.spent:
            return 0
        end = max(self._events_end(data), min(self._bytes, len(data)))
        self._bytes -= end
        return end if self.spent else len(data)

    def _events_end(self, data: bytes) -> int:
        """Where the last event ends that may pass; all of `data` when it does not end there."""
        end = 0
        for line in data.splitlines(keepends=True):
            if self._events <= 0:
                return end
            self._events -= len(self._parser.feed(line))
            end += len(line)
        return end
