"""Time that stands still until a test moves it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass
class FakeClock:
    """A `rag.types.Clock`; set the attributes, or let both advance together."""

    monotonic_s: float = 1_000.0
    now_s: float = 1_700_000_000.0

    def monotonic(self) -> float:
        """See `rag.types.Clock`."""
        return self.monotonic_s

    def now(self) -> float:
        """See `rag.types.Clock`."""
        return self.now_s

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self.monotonic_s += seconds
        self.now_s += seconds
