"""What the pipeline needs from the outside, as protocols; adapters implement them, the composition root picks them.

Every call takes `timeout_s`, seconds, and raises `DependencyTimeout` when it runs out and `DependencyFailed` for
any foreign error. Vectors are float32 and of unit length.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from rag.types import Change, Document, Filters, Hit, Passage, Space

#: shape [dimension], unit length
Vector = npt.NDArray[np.float32]
#: shape [n, dimension], each row of unit length
Vectors = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class EmbedderInfo:
    """Which model, its vector length, and how many tokens of a text it reads."""

    model: str
    dimension: int
    max_tokens: int


class Embedder(Protocol):
    """Texts to unit vectors."""

    @property
    def info(self) -> EmbedderInfo:
        """The model behind it."""

    async def embed(self, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """Embed `texts`; row i belongs to text i. Texts beyond the model's limit are cut.

        Raises:
            Overloaded: the bounded queue is full.
        """

    def count_tokens(self, texts: Sequence[str]) -> list[int]:
        """Tokens of each text, uncut, without the special ones."""


@dataclass(frozen=True, slots=True)
class Point:
    """A passage as the dense index keeps it: id, where it belongs, its fields, its vector."""

    passage_id: str
    space: Space
    document_id: str
    vector: Vector
    metadata: Mapping[str, object]


class PassageIndex(Protocol):
    """One shard of the dense index."""

    async def search(
        self,
        space: Space,
        vector: Vector,
        limit: int,
        filters: Filters,
        *,
        within: Sequence[str] | None = None,
        timeout_s: float,
    ) -> list[Hit]:
        """The `limit` nearest passages of the space by cosine, best first; only among `within` where it is given."""

    async def upsert(self, points: Sequence[Point], *, timeout_s: float) -> None:
        """Store the points durably, replacing those of the same id."""

    async def delete(self, passage_ids: Sequence[str], *, timeout_s: float) -> None:
        """Remove the points; unknown ids are passed over."""


class PassageVectors(Protocol):
    """The vectors that a shard of the dense index holds; implemented beside `PassageIndex`."""

    async def vectors(self, passage_ids: Sequence[str], *, timeout_s: float) -> dict[str, Vector]:
        """The vectors of those passages that the shard holds."""


class DenseShard(PassageIndex, PassageVectors, Protocol):
    """One shard of the dense index with all that it can do."""


class Reranker(Protocol):
    """Reads question and passage together: slower than any index, and a better judge."""

    async def scores(self, question: str, texts: Sequence[str], *, timeout_s: float) -> list[float]:
        """How well each text answers the question, row i for text i; higher is better, the scale is the model's."""


class Preparer(Protocol):
    """What a document needs before it can be written: cut into passages, and these embedded. Most of ingestion's work.

    Raises:
        DependencyFailed: whoever does the work failed; what was asked may be asked again.
    """

    async def cut(self, space: Space, documents: Sequence[Document], *, timeout_s: float) -> list[tuple[Passage, ...]]:
        """The passages of each document, in order; none for a document without text."""

    async def embed(self, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """As `Embedder.embed`."""

    async def aclose(self) -> None:
        """Give back what the work took."""


class WriteState(Protocol):
    """What the writer must know of the stored documents."""

    async def digests(self, space: Space, ids: Iterable[str], *, timeout_s: float) -> dict[str, str]:
        """Digest of each document among `ids` that exists."""

    async def passage_ids(self, space: Space, document_ids: Iterable[str], *, timeout_s: float) -> set[str]:
        """Ids of all passages of the documents."""


class PendingPoints(Protocol):
    """Notes on points that are on their way, so that an interruption between dense index and log can be mended."""

    async def note(self, passage_ids: Iterable[str], *, timeout_s: float) -> None:
        """Remember that these points are about to be written."""

    async def obsolete(self, *, timeout_s: float) -> list[str]:
        """Noted points that no passage stands behind: the shards must drop them."""

    async def forget(self, passage_ids: Iterable[str], *, timeout_s: float) -> None:
        """Drop the notes of points about which shards and log agree."""


class Follower(Protocol):
    """A state that is derived from the document log and follows it."""

    async def apply(self, changes: Sequence[Change], *, timeout_s: float) -> None:
        """Take the changes in, in order; one already taken in changes nothing."""

    @property
    def position(self) -> int:
        """Sequence number of the last change taken in."""


class LexicalIndex(Protocol):
    """The one BM25, in normal service and in an outage; follows the document log."""

    async def search(self, space: Space, text: str, limit: int, filters: Filters, *, timeout_s: float) -> list[Hit]:
        """The `limit` best passages of the space by BM25, best first; only those that share a term."""

    async def apply(self, changes: Sequence[Change], *, timeout_s: float) -> None:
        """Take the changes in, in order; one already taken in changes nothing."""

    @property
    def position(self) -> int:
        """Sequence number of the last change taken in."""


class DocumentLog(Protocol):
    """Every write, in order. Compacted: of each document only its latest change is kept."""

    async def append(self, changes: Sequence[Change], *, timeout_s: float) -> list[Change]:
        """Store all changes or none, durably; gives them back with their sequence numbers.

        Raises:
            StorageFull: the disk has no room; nothing was stored.
        """

    async def read(self, after: int, limit: int, *, timeout_s: float) -> list[Change]:
        """Up to `limit` changes with `seq > after`, in order."""

    @property
    def position(self) -> int:
        """The highest sequence number given out; 0 for an empty log."""


class PassageStore(Protocol):
    """The state that the log describes: which documents and passages exist. What it does not know, does not exist."""

    async def passages(self, space: Space, ids: Sequence[str], *, timeout_s: float) -> dict[str, Passage]:
        """The passages of the space that exist among `ids`."""

    async def documents(self, space: Space, *, after: str | None, limit: int, timeout_s: float) -> list[Change]:
        """Documents of the space in the order of their ids, from the first one past `after`; without passages."""

    async def document(self, space: Space, document_id: str, *, timeout_s: float) -> Change | None:
        """The document with its passages, or None."""


@dataclass(frozen=True, slots=True)
class Kept:
    """A stored answer as a `CacheStore` keeps it.

    Attributes:
        key: of its question; a later answer takes the place of an earlier one.
        name: of the answer, like no other's.
        expires_at: seconds since the epoch.
        body: the store does not look into it.
    """

    key: str
    name: str
    expires_at: float
    body: bytes


@dataclass(frozen=True, slots=True)
class Dropped:
    """The answer of that name is no more; one of another name under the same key stays."""

    key: str
    name: str


@dataclass(frozen=True, slots=True)
class CacheNews:
    """What happened to a `CacheStore`, in order, and the position at which to ask on."""

    records: Sequence[Kept | Dropped]
    position: str


class CacheStore(Protocol):
    """Stored answers, as replicas share them or a restart finds them again."""

    async def write(self, records: Sequence[Kept | Dropped], *, timeout_s: float) -> None:
        """Take the records in, in order."""

    def everything(self, *, timeout_s: float) -> AsyncGenerator[CacheNews, None]:
        """All that is there, in pages, each read within `timeout_s`; the last one's position is where news begin."""

    async def news(self, after: str, *, timeout_s: float) -> CacheNews | None:
        """What others and we ourselves wrote past the position; None: that is not known any more."""


class Leases(Protocol):
    """Who may do what only one shall do at a time."""

    async def take(self, name: str, holder: str, *, lease_s: float, timeout_s: float) -> bool:
        """Take or renew the lease for `lease_s` seconds; False: another holder has it. Safe to repeat."""

    async def release(self, name: str, holder: str, *, timeout_s: float) -> None:
        """Give the lease back, if the holder has it."""
