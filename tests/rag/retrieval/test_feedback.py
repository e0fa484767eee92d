from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from rag.errors import DependencyFailed, DependencyTimeout
from rag.ports import Vector
from rag.retrieval.feedback import BETA, ShardedVectors, refine
from tests.support.failing import Failing


def unit(*values: float) -> Vector:
    vector = np.array(values, np.float32)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def test_the_question_moves_towards_the_mean_of_the_passages() -> None:
    question, up, down = unit(1, 0, 0), unit(0, 1, 0), unit(0, 0, 1)
    moved = refine(question, [up, down])
    assert moved == pytest.approx(unit(1, BETA / 2, BETA / 2))
    assert moved.dtype == np.float32
    assert np.linalg.norm(moved) == pytest.approx(1)


def test_without_passages_it_stays() -> None:
    assert refine(unit(1, 2), []) == pytest.approx(unit(1, 2))


class Shard:
    def __init__(self, **held: Vector) -> None:
        self.held = held

    async def vectors(self, passage_ids: Any, *, timeout_s: float) -> dict[str, Vector]:
        return {key: self.held[key] for key in passage_ids if key in self.held}


@pytest.fixture
def shards() -> list[Failing]:
    return [Failing(Shard(a=unit(1, 0))), Failing(Shard(b=unit(0, 1), c=unit(1, 1)))]


async def test_vectors_come_from_wherever_they_lie(shards: list[Failing]) -> None:
    found = await ShardedVectors(shards).vectors(["c", "a", "nowhere"], timeout_s=1)
    assert (set(found.by_passage), found.failed) == ({"a", "c"}, 0)
    assert found.by_passage["c"] == pytest.approx(unit(1, 1))


async def test_a_shard_that_fails_gives_none_and_is_counted(shards: list[Failing]) -> None:
    shards[0].fail("vectors", DependencyTimeout("late"))
    found = await ShardedVectors(shards).vectors(["a", "b"], timeout_s=1)
    assert (set(found.by_passage), found.failed) == ({"b"}, 1)


async def test_without_any_shard_there_are_none(shards: list[Failing]) -> None:
    for shard in shards:
        shard.fail("vectors", DependencyFailed("down"))
    with pytest.raises(DependencyFailed, match="no shard"):
        await ShardedVectors(shards).vectors(["a"], timeout_s=1)


async def test_a_defect_is_not_swallowed(shards: list[Failing]) -> None:
    shards[0].fail("vectors", ZeroDivisionError("a defect"))
    with pytest.raises(ZeroDivisionError):
        await ShardedVectors(shards).vectors(["a"], timeout_s=1)
