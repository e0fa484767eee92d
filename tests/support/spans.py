"""A span that keeps what it is told."""

from __future__ import annotations

from collections.abc import Mapping

from rag.pipeline.trace import Attributes

#: The trace that the keeper's callees are told of.
CONTEXT = {"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}


class KeptSpan:
    """A `rag.pipeline.trace.Span`; `family` names it and all below it, as they began."""

    def __init__(self, name: str = "request", started_at: float = 0.0, *, client: bool = False) -> None:
        self.name = name
        self.started_at = started_at
        self.client = client
        self.ended_at: float | None = None
        self.attributes: dict[str, object] = {}
        self.children: list[KeptSpan] = []
        self.context: Mapping[str, str] = CONTEXT

    def child(self, name: str, started_at: float, *, client: bool = False) -> KeptSpan:
        """See `Span`."""
        self.children.append(KeptSpan(name, started_at, client=client))
        return self.children[-1]

    def set(self, attributes: Attributes) -> None:
        """See `Span`."""
        self.attributes.update(attributes)

    def end(self, ended_at: float) -> None:
        """See `Span`."""
        assert self.ended_at is None, "a span ends once"
        self.ended_at = ended_at
