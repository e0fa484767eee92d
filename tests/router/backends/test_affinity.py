from __future__ import annotations

import math
import random
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from router.backends.affinity import BALANCE, ROOM, by_affinity, by_load

IDLE: dict[str, float] = dict.fromkeys("abcd", 0)
KEYS = [f"key-{n}" for n in range(4_000)]


def test_a_key_has_one_order() -> None:
    backwards: dict[str, float] = dict.fromkeys("dcba", 0)
    assert all(by_affinity(key, IDLE) == by_affinity(key, backwards) for key in KEYS[:100])
    assert {tuple(sorted(by_affinity(key, IDLE))) for key in KEYS[:100]} == {("a", "b", "c", "d")}


def test_keys_spread_evenly_and_so_do_those_that_a_replica_leaves_behind() -> None:
    orders = [by_affinity(key, IDLE) for key in KEYS]
    assert all(800 < count < 1_200 for count in Counter(order[0] for order in orders).values())
    assert all(800 / 3 < count < 1_200 / 3 for count in Counter(o[1] for o in orders if o[0] == "a").values())


def test_only_the_keys_of_a_replica_that_goes_move() -> None:
    fewer: dict[str, float] = dict.fromkeys("abc", 0)
    for key in KEYS:
        without = [name for name in by_affinity(key, IDLE) if name != "d"]
        assert by_affinity(key, fewer) == without


def test_a_full_replica_is_passed_over_for_the_next_of_the_order() -> None:
    order = by_affinity("key", IDLE)
    assert by_affinity("key", {**IDLE, order[0]: ROOM - 1}) == order, "a few are no load"
    busy = {**IDLE, order[0]: ROOM}
    assert by_affinity("key", busy) == [*order[1:], order[0]]


@given(st.integers(1, 8), st.integers(1, 60), st.integers(0, 2**32))
def test_no_replica_gets_more_than_the_bound_however_hot_the_keys_are(replicas: int, requests: int, seed: int) -> None:
    loads = {str(n): 0.0 for n in range(replicas)}
    keys = random.Random(seed)
    for _ in range(requests):
        loads[by_affinity(str(keys.randrange(2)), loads)[0]] += 1
    assert max(loads.values()) <= max(ROOM, math.ceil(BALANCE * requests / replicas))


def test_without_a_prefix_the_least_loaded_comes_first_and_equals_take_turns() -> None:
    assert by_load("any", {"a": 3, "b": 1, "c": 2}) == ["b", "c", "a"]
    assert all(800 < n < 1_200 for n in Counter(by_load(key, IDLE)[0] for key in KEYS).values())


def test_there_may_be_none() -> None:
    assert by_affinity("key", {}) == by_load("key", {}) == []
