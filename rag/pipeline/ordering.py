"""The order of the passages in the prompt: what a model server's prefix cache can reuse depends on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from rag.types import ScoredPassage, Space

#: "shared" as earlier prompts had them, "canonical" by document, "relevance" best first.
Order = Literal["shared", "canonical", "relevance"]
#: Steps of earlier prompts that are remembered, about 300 bytes each; past it memory begins anew.
MAX_STEPS = 100_000


@dataclass(slots=True)
class _Step:
    """A passage at its place behind others: how many prompts had it there, and what followed."""

    prompts: int = 0
    following: dict[str, _Step] = field(default_factory=dict)

    def prompts_with(self, name: str) -> int:
        """How many prompts went on with this one."""
        step = self.following.get(name)
        return step.prompts if step else 0


class Ordering:
    """Puts passages into order; the passage at place n has the marker [n].

    In the order "shared" a prompt follows the prompts before it as far as it has the same passages: of those left, the
    one that most of them went on with comes next, and where there is none the most relevant. So sets that overlap begin
    alike, which neither of the other orders achieves (docs/serving.md has the figures).
    """

    def __init__(self, order: Order = "shared") -> None:
        self._order = order
        self._first = _Step()
        self._steps = 0

    def arrange(self, space: Space, passages: Sequence[ScoredPassage]) -> tuple[ScoredPassage, ...]:
        """The passages of the space, which come best first, in the order of the prompt."""
        if self._order == "shared":
            return self._shared(str(space), passages)
        return by_document(passages) if self._order == "canonical" else tuple(passages)

    def _shared(self, space: str, passages: Sequence[ScoredPassage]) -> tuple[ScoredPassage, ...]:
        if self._steps > MAX_STEPS:
            self._first, self._steps = _Step(), 0
        left = {each.passage.id: each for each in passages}
        step, order = self._go(self._first, space), []
        while left:
            name = max(left, key=step.prompts_with)  # the first of equals, which is the most relevant
            order.append(left.pop(name))
            step = self._go(step, name)
        return tuple(order)

    def _go(self, step: _Step, name: str) -> _Step:
        if name not in step.following:
            step.following[name] = _Step()
            self._steps += 1
        step = step.following[name]
        step.prompts += 1
        return step


def by_document(passages: Sequence[ScoredPassage]) -> tuple[ScoredPassage, ...]:
    """The passages by document and place in it, whatever their scores."""
    return tuple(sorted(passages, key=lambda each: (each.passage.document_id, each.passage.ordinal, each.passage.id)))
