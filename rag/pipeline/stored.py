"""A stored answer on its way to other replicas and over restarts.

The format is JSON and carries its number. Whoever meets another number, or what does not fit, passes the answer over:
replicas of two versions then share what both understand, and the rest is computed again.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import orjson
from pydantic import TypeAdapter, ValidationError

from cache.entries import Key
from cache.evidence import Support
from cache.semantic_cache import key_of
from cache.types import Question
from rag.pipeline.request import Answer
from rag.ports import Kept, Vector
from rag.types import Scope, Space

#: Raised when a reader of the earlier format would misunderstand the later one.
FORMAT = 1


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """An answer with all that another replica needs to serve it.

    Attributes:
        text: the standalone question.
        version: the position of the document log that it rests on.
        stored_at: seconds since the epoch.
        vector: the question's, as little-endian float16 in base64; "" if it has none.
    """

    name: str
    scope: Scope
    text: str
    version: int
    stored_at: float
    vector: str
    answer: Answer

    @property
    def question(self) -> Question:
        """As the cache knows it."""
        return Question(self.scope, self.text, self.version)

    def decoded_vector(self) -> Vector | None:
        """The vector, of unit length but for the rounding; None: there is none.

        Raises:
            ValueError: it cannot be read.
        """
        return np.frombuffer(b64decode(self.vector, validate=True), "<f2").astype(np.float32) if self.vector else None


_READER = TypeAdapter(StoredAnswer)


def encoded_vector(vector: Vector | None) -> str:
    """The vector as `StoredAnswer` carries it."""
    return "" if vector is None else b64encode(vector.astype("<f2").tobytes()).decode()


def packed(stored: StoredAnswer, ttl_s: float) -> Kept:
    """The answer as a `CacheStore` keeps it."""
    body = orjson.dumps({"format": FORMAT, "stored": stored})
    key = store_key(key_of(stored.question))
    return Kept(key, stored.name, stored.stored_at + ttl_s, body)


def unpacked(kept: Kept) -> StoredAnswer | None:
    """The answer; None: it is of another format, or damaged."""
    try:
        told: dict[str, Any] = orjson.loads(kept.body)
        if told["format"] != FORMAT:
            return None
        stored = _READER.validate_python(told["stored"])
        stored.decoded_vector()
    except (KeyError, TypeError, ValueError, ValidationError):
        return None
    return stored


def store_key(key: Key) -> str:
    """The question's key in a store: 32 hex digits."""
    scope, text = key
    return blake2b(orjson.dumps([scope, text]), digest_size=16).hexdigest()


def support_of(space: Space, answer: Answer) -> Support:
    """What the answer rests on."""
    return Support(
        frozenset(source.passage.id for source in answer.sources),
        frozenset(citation.source for citation in answer.citations),
        frozenset((space, source.passage.document_id) for source in answer.sources),
    )


def size_of(answer: Answer) -> int:
    """Bytes that a stored answer holds, roughly: its texts, and the objects around them."""
    return 2_000 + len(answer.text) + sum(1_000 + len(source.passage.text) for source in answer.sources)
