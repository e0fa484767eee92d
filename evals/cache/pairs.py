"""Labelled pairs of questions, and their vectors."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path

import numpy as np
import orjson

from evals.errors import CannotMeasure
from evals.load.textfile import open_text
from rag.embedding.batching import BlockingModel
from rag.ports import Vector

#: Called with how many questions are embedded, and how many there are.
Watch = Callable[[int, int], None]


@dataclass(frozen=True, slots=True)
class LabelledPair:
    """Two questions, and whether the answer stored for `a` may be served for `b`; `kind` as the file names it."""

    a: str
    b: str
    same: bool
    kind: str = ""


def read_pairs(paths: Iterable[Path]) -> list[LabelledPair]:
    """The pairs of JSON Lines files, plain or gzipped: `a`, `b`, `label` (1 or 0), `kind` if there is one.

    Raises:
        CannotMeasure: a file cannot be read, a line is no pair, or there are no pairs.
    """
    pairs = []
    for path in paths:
        with open_text(path) as file:
            for number, line in enumerate(file, 1):
                if line.strip():
                    pairs.append(_pair(line, f"{path}:{number}"))
    if not pairs:
        raise CannotMeasure("the files hold no pairs")
    return pairs


def half_of(pairs: Iterable[LabelledPair], which: int) -> list[LabelledPair]:
    """The first or the second half of the pairs (1 or 2), dealt out by a hash of their texts: the same everywhere."""
    return [pair for pair in pairs if _hash(pair) % 2 == which - 1]


def _hash(pair: LabelledPair) -> int:
    return blake2b(f"{pair.a}\n{pair.b}".encode(), digest_size=1).digest()[0]


def _pair(line: str, place: str) -> LabelledPair:
    try:
        record = orjson.loads(line)
        a, b, label, kind = record["a"], record["b"], record["label"], record.get("kind") or ""
    except (orjson.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
        raise CannotMeasure(f"{place}: no pair with a, b and label: {error}") from error
    if not (isinstance(a, str) and isinstance(b, str) and isinstance(kind, str) and label in (0, 1)):
        raise CannotMeasure(f"{place}: a and b must be texts, label 0 or 1")
    return LabelledPair(a, b, bool(label), kind)


def embed_alone(model: BlockingModel, texts: Sequence[str], watch: Watch = lambda _done, _all: None) -> list[Vector]:
    """A unit vector for each text, each embedded by itself.

    In an int8 model the scale of the activations is taken over the whole batch, so that a vector depends on the
    company its text is in; alone, equal texts have equal vectors.
    """
    vectors = []
    with ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="embed") as pool:
        for done, rows in enumerate(pool.map(lambda text: model.encode([text]), texts), 1):
            vectors.append(np.asarray(rows[0]))
            watch(done, len(texts))
    return vectors
