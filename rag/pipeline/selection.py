"""Which stored answers an operator means."""

from __future__ import annotations

from dataclasses import dataclass

from rag.pipeline.request import Answer
from rag.types import Scope


@dataclass(frozen=True, slots=True)
class Selection:
    """Stored answers by what they belong to; what is None does not matter.

    Attributes:
        document: one that the answer was written from.
        older_than_s: seconds since the answer was stored.
    """

    tenant: str | None = None
    collection: str | None = None
    document: str | None = None
    older_than_s: float | None = None

    def fits(self, scope: Scope, answer: Answer, age_s: float) -> bool:
        """Whether the answer is meant."""
        return (
            self.tenant in {None, scope.space.tenant}
            and self.collection in {None, scope.space.collection}
            and (self.document is None or any(each.passage.document_id == self.document for each in answer.sources))
            and (self.older_than_s is None or age_s > self.older_than_s)
        )
