"""The latest changes of documents: an answer that was computed while one of its own changed must not be stored."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Iterable

#: A collection, and a document's name in it.
Document = tuple[Hashable, str]

#: Changes that are remembered; many more than happen while one answer is computed.
MOST_CHANGES = 10_000


class Changes:
    """Documents and the positions at which they changed last; the oldest are forgotten.

    Of a collection that lost some, an answer from before the last one lost may rest on anything.
    """

    def __init__(self, most: int = MOST_CHANGES) -> None:
        self._most = most
        self._changed: OrderedDict[Document, int] = OrderedDict()
        self._forgotten: dict[Hashable, int] = {}

    def note(self, document: Document, position: int) -> None:
        """The document changed, at a position past all that were noted before."""
        self._changed[document] = position
        self._changed.move_to_end(document)
        if len(self._changed) > self._most:
            (collection, _), lost = self._changed.popitem(last=False)
            self._forgotten[collection] = lost

    def none_since(self, position: int, documents: Iterable[Document]) -> bool:
        """Whether it is certain that none of the documents has changed after `position`."""
        return all(
            max(self._changed.get(document, 0), self._forgotten.get(document[0], 0)) <= position
            for document in documents
        )
