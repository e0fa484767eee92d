from __future__ import annotations

import numpy as np
import pytest

from cache.candidates import LEAST_SIMILARITY, NEAREST, Candidates
from cache.neighbours import Vector
from cache.question import Parsed
from cache.verify import Judgement
from tests.support.embedder import WordEmbedder

AREA = ("scope", "en")
VECTOR = WordEmbedder().vector


class Lenient:
    """Takes everything for the same, and remembers what it was shown."""

    def __init__(self) -> None:
        self.shown: list[tuple[str, str]] = []

    def judge(self, asked: Parsed, stored: Parsed, asked_vector: Vector, stored_vector: Vector) -> Judgement:
        self.shown.append((asked.text, stored.text))
        return Judgement(True, 1.0, "lenient")


@pytest.mark.parametrize("graph_from", [2, 1_000])
def test_near_questions_of_the_area_are_judged_nearest_first(graph_from: int) -> None:
    judge = Lenient()
    candidates = Candidates(judge, graph_from=graph_from)
    for number, text in enumerate(["how tall is it", "how tall is it really", "another thing altogether"]):
        candidates.add(number, AREA, text, VECTOR(text))
    found = candidates.nearest(AREA, "how tall is it", VECTOR("how tall is it"))
    assert [each.number for each in found] == [0, 1]
    assert found[0].similarity == pytest.approx(1, abs=0.01)
    assert judge.shown == [("how tall is it", "how tall is it"), ("how tall is it", "how tall is it really")]


def test_another_area_is_not_looked_into() -> None:
    judge = Lenient()
    candidates = Candidates(judge)
    candidates.add(0, ("scope", "de"), "a", VECTOR("a"))
    candidates.add(1, ("other", "en"), "a", VECTOR("a"))
    assert candidates.nearest(AREA, "a", VECTOR("a")) == []
    assert not judge.shown


def test_what_is_removed_is_not_found() -> None:
    candidates = Candidates(Lenient())
    for number in range(2):
        candidates.add(number, AREA, "a", VECTOR("a"))
    candidates.remove(0, AREA)
    assert [each.number for each in candidates.nearest(AREA, "a", VECTOR("a"))] == [1]
    candidates.remove(1, AREA)
    assert (len(candidates), candidates.nearest(AREA, "a", VECTOR("a"))) == (0, [])


def test_only_few_and_close_ones_are_judged() -> None:
    judge = Lenient()
    candidates = Candidates(judge)
    axes = np.eye(2, dtype=np.float32)
    for number in range(NEAREST + 2):
        candidates.add(number, AREA, "a", axes[0])
    assert len(candidates.nearest(AREA, "a", axes[0])) == len(judge.shown) == NEAREST
    far = np.array([LEAST_SIMILARITY - 0.05, 0], np.float32)
    far[1] = np.sqrt(1 - far[0] ** 2)
    assert candidates.nearest(AREA, "a", far) == []
