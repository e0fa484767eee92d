"""What the cache is asked and what it says."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

V = TypeVar("V")


class Verdict(StrEnum):
    """What the cache said: served from the exact tier, from the semantic tier, outdated, nothing, or not asked."""

    EXACT = "exact"
    SEMANTIC = "semantic"
    STALE = "stale"
    MISS = "miss"
    BYPASS = "bypass"


@dataclass(frozen=True, slots=True)
class Lookup(Generic[V]):
    """The cache's decision.

    Attributes:
        value: what to serve; None unless the verdict is a hit.
        similarity: cosine between the two questions, 1.0 for an exact hit.
        age_s: seconds since the served answer was stored.
        reason: why, one of a few fixed sentences.
        detail: what the verification said of the nearest stored question; may quote it, so it is for operators only.
    """

    verdict: Verdict
    reason: str
    value: V | None = None
    similarity: float | None = None
    age_s: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as the cache knows it.

    Attributes:
        scope: everything that must be equal for one answer to serve both; compared, never looked into.
        text: the standalone question.
        version: the state of the evidence; an answer stored at another version is served only once the evidence agrees.
    """

    scope: Hashable
    text: str
    version: int
