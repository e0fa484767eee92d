"""The vocabulary that every stage shares: who asks, where, until when, and what comes back."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal, NamedTuple, Protocol

from rag.errors import DeadlineExceeded, InvalidRequest

#: What a collection may be called.
COLLECTION_NAME = r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}"
_COLLECTION = re.compile(COLLECTION_NAME)
FilterValue = str | int | bool
#: Field of a document's metadata -> the value, or any one of the values, that it must have.
Filters = Mapping[str, FilterValue | Sequence[FilterValue]]
Priority = Literal["interactive", "batch"]


class Clock(Protocol):
    """Time as the service sees it; injected, so that tests do not sleep."""

    def monotonic(self) -> float:
        """Seconds from an arbitrary start, never running backwards."""

    def now(self) -> float:
        """Seconds since the Unix epoch."""


class SystemClock:
    """The machine's clock."""

    monotonic = staticmethod(time.monotonic)
    now = staticmethod(time.time)


@dataclass(frozen=True, slots=True)
class Deadline:
    """The moment after which nobody waits for the answer; made once at the door and handed down."""

    at: float
    clock: Clock

    @classmethod
    def after(cls, seconds: float, clock: Clock) -> Deadline:
        """The deadline `seconds` from the present moment of `clock`."""
        return cls(clock.monotonic() + seconds, clock)

    def remaining(self) -> float:
        """Seconds left.

        Raises:
            DeadlineExceeded: nothing is left, so no further call may start.
        """
        left = self.at - self.clock.monotonic()
        if left <= 0:
            raise DeadlineExceeded("the request's time limit has passed")
        return left


class Role(StrEnum):
    """What a caller may do."""

    QUERY = "query"
    INGEST = "ingest"
    ADMIN = "admin"
    #: Of the service as a whole, whichever the tenant; no key that is handed out carries it.
    OPERATOR = "operator"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks."""

    id: str
    tenant: str
    roles: frozenset[Role]


#: The caller before keys exist: the one tenant, everything allowed (the service binds to the loopback).
ANONYMOUS = Principal(id="anonymous", tenant="default", roles=frozenset(Role))


@dataclass(frozen=True, slots=True)
class Space:
    """The unit of isolation: one tenant's collection. Statistics, vectors and cache never cross it.

    Raises:
        InvalidRequest: the collection's name is not one that `COLLECTION_NAME` allows.
    """

    tenant: str
    collection: str

    def __post_init__(self) -> None:
        if not _COLLECTION.fullmatch(self.collection):
            raise InvalidRequest(
                f"collection {self.collection!r}: 1 to 64 letters, digits, '.', '_' or '-', first a letter or digit",
                param="collection",
            )

    def __str__(self) -> str:
        return f"{self.tenant}/{self.collection}"


@dataclass(frozen=True, slots=True)
class Scope:
    """What two questions must share before one answer may serve both.

    Attributes:
        space: tenant and collection.
        model: the model that was asked for (not the one that routing picks).
        fingerprint: digest of system prompt, sampling parameters, filters and top_k.
    """

    space: Space
    model: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class Document:
    """A source as a reader found it, before it is cut.

    Attributes:
        id: stable name within its space (`_id`, path or URL).
        text: the whole text in the notation that `format` names.
        metadata: flat fields that filters can match.
    """

    id: str
    text: str
    title: str = ""
    format: Literal["text", "markdown", "html"] = "text"
    url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Passage:
    """A piece of a document, the unit that is embedded, found and cited.

    Attributes:
        id: UUID derived from space, document, heading and text: the same content has the same id.
        ordinal: position within the document, from 0.
        heading: the headings above it, joined by " > " ("" when there are none).
        tokens: length of `context` + `text` in the embedder's tokens.
    """

    id: str
    document_id: str
    ordinal: int
    text: str
    title: str = ""
    heading: str = ""
    url: str | None = None
    tokens: int = 0
    metadata: Mapping[str, Any] = field(default_factory=dict)

    @property
    def context(self) -> str:
        """Title and headings: what a reader of this passage alone would miss."""
        return " > ".join(part for part in (self.title, self.heading) if part)

    @property
    def contextual_text(self) -> str:
        """What is embedded and indexed: the context on a line of its own, then the text."""
        return f"{self.context}\n{self.text}" if self.context else self.text


@dataclass(frozen=True, slots=True)
class Change:
    """One entry of the document log: the document as it stands after the write.

    Attributes:
        seq: position in the log, from 1; 0 until the log has assigned it.
        digest: hash of the document's content; "" for a deletion.
        passages: all passages of the document; empty for a deletion.
    """

    space: Space
    document_id: str
    digest: str
    passages: tuple[Passage, ...]
    title: str = ""
    url: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    seq: int = 0
    at: float = 0.0

    @property
    def deleted(self) -> bool:
        """Whether the document is gone."""
        return not self.digest


class Hit(NamedTuple):
    """A passage that an index found. Scores of different indexes do not compare."""

    passage_id: str
    score: float


@dataclass(frozen=True, slots=True)
class ScoredPassage:
    """A passage with its fused score, best first in every list."""

    passage: Passage
    score: float


@dataclass(frozen=True, slots=True)
class Citation:
    """A claim of the answer and the source that carries it.

    Attributes:
        marker: as it stands in the answer, "[1]".
        source: id of the passage among the answer's sources.
        start: first character of the claim in the answer.
        end: one past the marker that closes the claim.
    """

    marker: str
    source: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class RouteOutcome:
    """The model that answered, and why.

    Attributes:
        score: the gain that the large model was expected to bring, -1 to 1, where it was computed.
        tier: "small" or "large", as it was decided; the answer may come from a rung below.
        rule: what settled it, see `router.policy.Rule`.
    """

    model: str
    reason: str
    score: float | None = None
    tier: str = ""
    rule: str = ""
