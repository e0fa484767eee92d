"""The degradation ladder, as data: what fails, what serves instead, and the label that says so.

An answer carries the label of every rung that it stands on; nothing degrades silently.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Rung:
    """One step down.

    Attributes:
        fails: the part that does not answer.
        instead: what serves in its place.
        label: what the answer says; "{}" stands for what is only known then.
    """

    fails: str
    instead: str
    label: str


CONTEXTUALIZE = Rung(
    "the small model, or the time for it", "the turns before, joined to the question", "contextualize-skipped"
)
SHARDS = Rung("some shards of the dense index", "the other shards, and BM25", "shards:{}/{}")
DENSE = Rung("every shard of the dense index", "BM25 alone", "dense-unavailable")
EMBEDDER = Rung("the embedder", "BM25 alone; the cache's exact tier only", "embedder-unavailable")
LEXICAL = Rung("the lexical index", "dense search alone", "lexical-unavailable")
RERANK = Rung("the reranker, or the time for it", "the order of the fusion", "rerank-skipped")
MODEL = Rung("the large model, before its first word", "the small model", "model-fallback:{}")
EXTRACTIVE = Rung("every model, before its first word", "sentences quoted from the passages", "extractive-fallback")
WORDS = Rung("the embedder, while sentences are quoted", "sentences chosen by their words alone", EMBEDDER.label)
CACHE = Rung("the store of the answer cache", "the answers in this process", "cache-unavailable")
LIMITS = Rung(
    "the store of the limits, where they are not strict", "limits of each replica by itself", "limits-unavailable"
)
STALE = Rung("retrieval, or every answerer", "an earlier answer to the same question, unchecked", "stale-cache")

#: Top to bottom; below the last rung stands an honest 503 with Retry-After.
LADDER = (LIMITS, CONTEXTUALIZE, SHARDS, DENSE, EMBEDDER, LEXICAL, RERANK, MODEL, EXTRACTIVE, WORDS, CACHE, STALE)
