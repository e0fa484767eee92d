"""How long each stage took."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rag.types import Clock


class Trace:
    """Milliseconds by stage, and in all, of one request."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._start = clock.monotonic()
        self._stages: dict[str, float] = {}

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time the block as the stage `name`."""
        start = self._clock.monotonic()
        try:
            yield
        finally:
            self.add(name, self._clock.monotonic() - start)

    def add(self, name: str, seconds: float) -> None:
        """Count `seconds` towards the stage."""
        self._stages[name] = self._stages.get(name, 0.0) + seconds * 1e3

    def timings_ms(self) -> dict[str, float]:
        """Milliseconds of each stage so far, and `total` since the request began."""
        total = (self._clock.monotonic() - self._start) * 1e3
        return {name: round(value, 3) for name, value in {**self._stages, "total": total}.items()}
