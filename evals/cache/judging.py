"""Labelled pairs put before the cache's verifier, each alone."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cache.question import parse
from cache.training import Labelled
from cache.verify import Verifier
from evals.cache.pairs import LabelledPair, Watch, embed_alone
from rag.embedding.batching import BlockingModel

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Judged:
    """What the verifier and plain cosine say of n pairs; every array has shape [n].

    Attributes:
        same: the labels.
        kinds: as the files name them, "" for none.
        cosine: between the two questions.
        probability: the scorer's.
        vetoed: refused whatever the probability.
        served: the decision at the operating point.
        decision_s: reading the asked question and deciding, one candidate.
    """

    same: Bools
    kinds: tuple[str, ...]
    cosine: Floats
    probability: Floats
    vetoed: Bools
    served: Bools
    decision_s: Floats


def lay_out(
    pairs: Sequence[LabelledPair], model: BlockingModel, watch: Watch = lambda _done, _all: None
) -> list[Labelled]:
    """Parse and embed every question once; `a` is the stored one."""
    texts = list(dict.fromkeys(text for pair in pairs for text in (pair.a, pair.b)))
    vectors = dict(zip(texts, embed_alone(model, texts, watch), strict=True))
    parsed = {text: parse(text) for text in texts}
    return [Labelled(parsed[p.b], parsed[p.a], vectors[p.b], vectors[p.a], p.same) for p in pairs]


def judge(pairs: Sequence[LabelledPair], laid_out: Sequence[Labelled], verifier: Verifier) -> Judged:
    """Put each pair before the verifier as the cache would: the asked question is read, then compared."""
    judgements, seconds = [], []
    for pair in laid_out:
        start = time.perf_counter()
        asked = parse(pair.asked.text)
        judgements.append(verifier.judge(asked, pair.stored, pair.asked_vector, pair.stored_vector))
        seconds.append(time.perf_counter() - start)
    return Judged(
        same=np.array([pair.same for pair in pairs]),
        kinds=tuple(pair.kind for pair in pairs),
        cosine=np.array([float(pair.asked_vector @ pair.stored_vector) for pair in laid_out]),
        probability=np.array([each.probability for each in judgements]),
        vetoed=np.array([each.vetoed for each in judgements]),
        served=np.array([each.serve for each in judgements]),
        decision_s=np.array(seconds),
    )
