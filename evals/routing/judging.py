"""A classifier before outcomes: as it is, or trained anew on one half and judged on the other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from evals.routing.measures import Floats
from evals.routing.table import Watch
from router.classifier import Classifier
from router.training import Table, train

#: Stands for the gain of a far question: no threshold keeps it from the large model.
FAR = 1.0
#: Decisions that are timed.
TIMED = 300


@dataclass(frozen=True, slots=True)
class Judged:
    """What a classifier says of n questions, beside what happened.

    Attributes:
        small: probability that the small model is right, shape [n].
        gain: what the large model is expected to add, shape [n].
        quality: of the small and the large model, shape [n, 2].
        length: characters of the question, shape [n].
        sources: shape [n].
        seen: which of the questions the classifier was trained on, shape [n].
        threshold: the classifier's operating point.
        far: which of the questions are unlike those that the classifier was trained on, shape [n].
    """

    small: Floats
    gain: Floats
    quality: Floats
    length: Floats
    sources: npt.NDArray[np.str_]
    seen: npt.NDArray[np.bool_]
    threshold: float
    far: npt.NDArray[np.bool_]

    @property
    def order(self) -> Floats:
        """What the service goes by, shape [n]: the gain, and `FAR` for questions that go large for being far."""
        return np.where(self.far, FAR, self.gain)

    def of(self, source: str) -> Judged:
        """The questions of one source."""
        at = self.sources == source
        return Judged(
            self.small[at],
            self.gain[at],
            self.quality[at],
            self.length[at],
            self.sources[at],
            self.seen[at],
            self.threshold,
            self.far[at],
        )


def judge(classifier: Classifier, table: Table) -> Judged:
    """Put every question before the classifier."""
    chances = classifier.probabilities(table.vectors, table.found)
    return Judged(
        small=chances[:, 0],
        gain=chances[:, 1] - chances[:, 0],
        quality=table.quality,
        length=np.array([float(len(question)) for question in table.questions]),
        sources=table.sources,
        seen=classifier.known.has_seen(list(table.questions)),
        threshold=classifier.threshold,
        far=classifier.known.are_far(table.vectors),
    )


def judge_halves(table: Table, *, embedder: str, splits: int, seed: int, watch: Watch) -> Iterator[Judged]:
    """Train on one half of each source and judge on the other, `splits` times."""
    for split in range(splits):
        inside = halves(table.sources, np.random.default_rng(seed + split))
        yield judge(train(table.take(inside), embedder=embedder, seed=seed + split), table.take(~inside))
        watch(split + 1, splits)


def halves(sources: npt.NDArray[np.str_], rng: np.random.Generator) -> npt.NDArray[np.bool_]:
    """True for one half of each source, drawn at random."""
    inside = np.zeros(len(sources), bool)
    for source in np.unique(sources):
        places = rng.permutation(np.flatnonzero(sources == source))
        inside[places[: len(places) // 2]] = True
    return inside


def decision_s(classifier: Classifier, table: Table) -> Floats:
    """Seconds from text and embedding to the prediction, for each of the first questions in a random order."""
    places = np.random.default_rng(0).permutation(len(table))[:TIMED]
    taken = []
    for place in places:
        question, vector = str(table.questions[place]), table.vectors[place]
        start = time.perf_counter()
        classifier.predict(question, vector)
        taken.append(time.perf_counter() - start)
    return np.array(taken)
