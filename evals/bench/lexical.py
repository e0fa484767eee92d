"""The lexical index against rank-bm25 itself, over the same terms of the same texts."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from uuid import UUID

from rank_bm25 import BM25Okapi

from evals.bench.phases import Targets
from rag.ingestion.sources import documents
from rag.retrieval.analysis import Analyzer
from rag.retrieval.bm25 import Bm25
from rag.retrieval.fields import DEFAULT, PLAIN, Weights
from rag.retrieval.segments import Entry
from rag.types import Document

#: rank-bm25 takes a tenth of a second for each.
ORACLE_QUESTIONS = 20
QUESTIONS = 500
LIMIT = 100
TARGETS: Targets = {"one_field_vs_rank_bm25": (50.0, math.inf), "all_fields_p50_ms": (0.0, 1.5)}


def measure(questions: Sequence[str], corpus: Path) -> dict[str, float]:
    """Milliseconds of a question, its terms given, of rank-bm25, one plain field, all fields. Documents stay whole."""
    analyzer = Analyzer()
    texts = [
        (analyzer.terms(each.title), analyzer.terms(each.text))
        for each in documents([str(corpus)])
        if isinstance(each, Document)
    ]
    asked = [analyzer.terms(question) for question in questions[:QUESTIONS]]
    plain, fields = _index(texts, PLAIN), _index(texts, DEFAULT)
    oracle = BM25Okapi([title + text for title, text in texts])
    oracle_ms = _milliseconds(oracle.get_scores, asked[:ORACLE_QUESTIONS])
    plain_ms = _milliseconds(lambda terms: plain.search(terms, LIMIT, {}), asked)
    fields_ms = _milliseconds(lambda terms: fields.search(terms, LIMIT, {}), asked)
    return {
        "documents": len(texts),
        "rank_bm25_p50_ms": statistics.median(oracle_ms),
        "one_field_p50_ms": statistics.median(plain_ms),
        "one_field_vs_rank_bm25": statistics.median(oracle_ms) / statistics.median(plain_ms),
        "all_fields_p50_ms": statistics.median(fields_ms),
        "all_fields_p99_ms": statistics.quantiles(fields_ms, n=100)[-1],
    }


def _index(texts: Sequence[tuple[Sequence[int], Sequence[int]]], weights: Weights) -> Bm25:
    index = Bm25(weights)
    index.replace(Entry.of(str(n), [str(UUID(int=n))], [parts], {}) for n, parts in enumerate(texts))
    return index


def _milliseconds(search: Callable[[Sequence[int]], object], asked: Sequence[Sequence[int]]) -> list[float]:
    took = []
    for terms in asked:
        start = time.perf_counter()
        search(terms)
        took.append((time.perf_counter() - start) * 1e3)
    return took
