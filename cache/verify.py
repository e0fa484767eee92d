"""May the answer stored for one question be served for another? Vetoes first, then the learned probability."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cache.alignment import align
from cache.features import features
from cache.question import Parsed
from cache.scorer import Scorer, default_scorer
from cache.veto import decisive

#: shape [dimension], unit length, of the scorer's embedding model
Vector = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Judgement:
    """The decision about one candidate.

    Attributes:
        serve: whether the stored answer may be served.
        probability: chance that it is right, 0 to 1; with a conflict, below the scorer's operating point.
        reason: why, in a few words.
        vetoed: whether the questions are in conflict.
    """

    serve: bool
    probability: float
    reason: str
    vetoed: bool = False


class Verifier:
    """Judges semantic candidates; holds no state, may be shared between threads.

    A candidate's question is parsed once, when its answer is stored: `cache.question.parse`.

    Args:
        scorer: None: the one that ships.
        threshold: the probability from which on an answer is served; None: the scorer's operating point. Below that, a
            conflict no longer forbids to serve, it is only unlikely to be overcome.
    """

    def __init__(self, scorer: Scorer | None = None, threshold: float | None = None) -> None:
        self.scorer = scorer or default_scorer()
        self._threshold = self.scorer.threshold if threshold is None else threshold
        self._wanted = self.scorer.wanted

    def judge(self, asked: Parsed, stored: Parsed, asked_vector: Vector, stored_vector: Vector) -> Judgement:
        """Decide whether the answer stored for `stored` may be served for `asked`."""
        pair = align(asked, stored)
        conflict = decisive(pair, self.scorer.overrules)
        cosine = float(asked_vector @ stored_vector)
        row = features(pair, conflict=conflict is not None, cosine=cosine, wanted=self._wanted)
        probability = float(self.scorer.probabilities(row[None], (asked_vector + stored_vector)[None])[0])
        if conflict is not None:
            probability = min(probability, self.scorer.ceiling)
        serve, vetoed = probability >= self._threshold, conflict is not None
        if serve:
            return Judgement(serve, probability, f"means the same with probability {probability:.3f}", vetoed)
        too_low = f"probability {probability:.3f} < {self._threshold:.3f}"
        return Judgement(serve, probability, conflict or too_low, vetoed)
