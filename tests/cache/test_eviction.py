from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.eviction import S3Fifo


def test_within_the_bounds_all_stay() -> None:
    kept: S3Fifo[str] = S3Fifo(3, 100)
    assert [kept.add(key, 10) for key in "abc"] == [[], [], []]
    assert (len(kept), kept.bytes) == (3, 30)


def test_the_oldest_that_nobody_asked_for_goes_first() -> None:
    kept: S3Fifo[str] = S3Fifo(3, 100)
    for key in "abc":
        kept.add(key, 10)
    for _ in range(2):
        kept.hit("a")
    assert kept.add("d", 10) == ["b"]


def test_what_comes_back_soon_is_kept_longer_than_what_comes_once() -> None:
    kept: S3Fifo[str] = S3Fifo(10, 1_000)
    kept.add("back", 1)
    for number in range(10):
        kept.add(f"once {number}", 1)
    kept.add("back", 1)
    for number in range(100):
        assert "back" not in kept.add(f"scan {number}", 1)


def test_one_that_is_larger_than_the_bound_does_not_stay_and_displaces_nothing() -> None:
    kept: S3Fifo[str] = S3Fifo(10, 100)
    kept.add("a", 60)
    assert kept.add("large", 101) == ["large"]
    assert (len(kept), kept.bytes) == (1, 60)


def test_a_bound_of_none_keeps_none() -> None:
    assert S3Fifo[str](0, 100).add("a", 1) == ["a"]


def test_bytes_are_bounded() -> None:
    kept: S3Fifo[str] = S3Fifo(10, 100)
    kept.add("a", 60)
    assert kept.add("b", 60) == ["a"]
    assert kept.bytes == 60


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(0, 50), st.sampled_from("ahr"))), st.integers(1, 8))
def test_its_books_are_right(steps: list[tuple[int, int, str]], entries: int) -> None:
    kept: S3Fifo[int] = S3Fifo(entries, 100)
    sizes: dict[int, int] = {}
    for key, size, step in steps:
        if step == "a" and key not in sizes:
            sizes[key] = size
            for gone in kept.add(key, size):
                del sizes[gone]
        elif step == "h" and key in sizes:
            kept.hit(key)
        elif step == "r" and key in sizes:
            kept.remove(key)
            del sizes[key]
        assert len(kept) == len(sizes) <= entries
        assert kept.bytes == sum(sizes.values()) <= 100


def _hit_ratio(kept: S3Fifo[int], asked: list[int]) -> float:
    present: set[int] = set()
    hits = 0
    for key in asked:
        if key in present:
            hits += 1
            kept.hit(key)
        else:
            present.add(key)
            present.difference_update(kept.add(key, 1))
    return hits / len(asked)


@pytest.mark.parametrize("seed", range(3))
def test_scans_do_not_displace_what_is_popular(seed: int) -> None:
    rng = random.Random(seed)
    popular = [rng.randrange(50) for _ in range(5_000)]
    asked = [key for place, one in enumerate(popular) for key in (one, 1_000 + place)]
    assert _hit_ratio(S3Fifo(100, 10**9), asked) > 0.45, "half of what is asked is asked once"
