"""What retrieval says of a question, for the cache: the retrieval that a miss would need anyway."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rag.errors import DependencyFailed, Overloaded
from rag.pipeline.retrieve import Retrieved, Retriever
from rag.pipeline.shared import Shared
from rag.types import Deadline, Space


class RetrievedEvidence:
    """Implements `cache.evidence.Evidence`; a retrieval that is degraded in any way is no evidence."""

    def __init__(self, retrieved: Shared[Retrieved], retriever: Retriever, space: Space, deadline: Deadline) -> None:
        self._retrieved = retrieved
        self._retriever = retriever
        self._space = space
        self._deadline = deadline

    async def ranking(self) -> Sequence[str] | None:
        """See `cache.evidence.Evidence`."""
        try:
            found = await self._retrieved()
        except (DependencyFailed, Overloaded):  # whoever needs the passages after us meets the same error
            return None
        return None if found.degraded else [each.passage.id for each in found.passages]

    async def all_exist(self, passage_ids: Collection[str]) -> bool:
        """See `cache.evidence.Evidence`."""
        try:
            return await self._retriever.all_exist(self._space, passage_ids, deadline=self._deadline)
        except (DependencyFailed, Overloaded):
            return False
