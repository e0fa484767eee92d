"""May the answer stored for one question be served for another? Vetoes first, then the learned probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cache.alignment import Pair, align
from cache.features import features
from cache.question import Parsed
from cache.scorer import Scorer, default_scorer
from cache.veto import conflicts, decisive

#: shape [dimension], unit length, of the scorer's embedding model
Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The decision about one candidate.

    Attributes:
        serve: whether the stored answer may be served.
        probability: chance that it is right, as the scorer sees it, 0 to 1; vetoes are among its features.
        reason: why, in a few words.
        vetoed: whether a veto decided; no threshold changes that.
    """

    serve: bool
    probability: float
    reason: str
    vetoed: bool = False


class Verifier:
    """Judges semantic candidates; holds no state, may be shared between threads.

    A candidate's question is parsed once, when its answer is stored: `cache.question.parse`.
    """

    def __init__(self, scorer: Scorer | None = None) -> None:
        self.scorer = scorer or default_scorer()

    def judge(self, asked: Parsed, stored: Parsed, asked_vector: Vector, stored_vector: Vector) -> Judgement:
        """Decide whether the answer stored for `stored` may be served for `asked`."""
        pair = align(asked, stored)
        found = conflicts(pair)
        probability = self._probability(pair, found, asked_vector, stored_vector)
        if (veto := decisive(pair, found, self.scorer.overrules)) is not None:
            return Judgement(False, probability, veto, vetoed=True)
        if probability < self.scorer.threshold:
            return Judgement(False, probability, f"probability {probability:.3f} < {self.scorer.threshold:.3f}")
        return Judgement(True, probability, f"means the same with probability {probability:.3f}")

    def _probability(self, pair: Pair, found: dict[str, str], asked: Vector, stored: Vector) -> float:
        row = features(pair, found, float(asked @ stored))
        return float(self.scorer.probabilities(row[None], (asked + stored)[None])[0])
