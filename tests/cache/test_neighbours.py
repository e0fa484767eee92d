from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.neighbours import FewNeighbours, ManyNeighbours, Neighbours, Vector

DIMENSION = 16


def vectors(count: int, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, DIMENSION)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def few(rows: np.ndarray) -> FewNeighbours:
    built = FewNeighbours(DIMENSION)
    for number, row in enumerate(rows):
        built.add(number, row)
    return built


def brute(rows: dict[int, Vector], vector: Vector, limit: int) -> list[int]:
    return sorted(rows, key=lambda number: -float(rows[number] @ vector))[:limit]


@pytest.fixture(params=["few", "many"])
def neighbours(request: pytest.FixtureRequest) -> Neighbours:
    built = few(vectors(40))
    return built if request.param == "few" else built.grown()


def test_each_is_nearest_to_itself(neighbours: Neighbours) -> None:
    assert len(neighbours) == 40
    assert [neighbours.nearest(row, 1) for row in vectors(40)] == [[number] for number in range(40)]


def test_what_is_removed_is_not_found_and_its_place_is_used_again(neighbours: Neighbours) -> None:
    rows = vectors(40)
    for number in (39, 0, 7):
        neighbours.remove(number)
        assert number not in neighbours.nearest(rows[number], 40)
    neighbours.add(99, rows[7])
    assert neighbours.nearest(rows[7], 1) == [99]
    assert len(neighbours) == 38


def test_fewer_than_asked_for_are_all(neighbours: Neighbours) -> None:
    assert sorted(neighbours.nearest(vectors(1)[0], 100)) == list(range(40))


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 30)), max_size=60))
def test_the_exact_one_finds_what_a_comparison_of_all_finds(steps: list[tuple[bool, int]]) -> None:
    rows, built, known = vectors(31), FewNeighbours(DIMENSION), {}
    for adds, number in steps:
        if adds and number not in known:
            known[number] = rows[number]
            built.add(number, rows[number])
        elif not adds and number in known:
            del known[number]
            built.remove(number)
    assert built.nearest(rows[0], 5) == brute(known, rows[0], 5)


def test_the_graph_finds_nearly_all_that_a_comparison_of_all_finds_also_after_many_changes() -> None:
    rows = vectors(3_000)
    graph = ManyNeighbours(np.arange(1_000, dtype=np.uint64), rows[:1_000])
    for number in range(1_000, 3_000):
        graph.remove(number - 1_000)
        graph.add(number, rows[number])
    known = {number: rows[number] for number in range(2_000, 3_000)}
    asked = vectors(200, seed=1)
    found = sum(len(set(graph.nearest(row, 4)) & set(brute(known, row, 4))) for row in asked)
    assert found / 800 > 0.9
