from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cache.exact import ExactCache
from cache.types import Lookup, Question, Verdict
from tests.support.clock import FakeClock


@pytest.fixture
def cache(clock: FakeClock) -> ExactCache[str]:
    return ExactCache(clock.now, max_entries=3, max_bytes=100, ttl_s=60)


def question(text: str = "How tall?", scope: Hashable = "scope", version: int = 1) -> Question:
    return Question(scope, text, version)


def verdict(cache: ExactCache[str], asked: Question) -> Verdict:
    return cache.lookup(asked).verdict


def test_what_was_stored_is_served(cache: ExactCache[str], clock: FakeClock) -> None:
    cache.put(question("How tall is it?"), "330 m", 10)
    clock.advance(7)
    found = cache.lookup(question("how TALL is it"))
    assert found == Lookup(Verdict.EXACT, found.reason, "330 m", similarity=1.0, age_s=7)
    assert found.reason


def test_what_was_not_stored_is_a_miss(cache: ExactCache[str]) -> None:
    cache.put(question("How tall is it?"), "330 m", 10)
    found = cache.lookup(question("How old is it?"))
    assert (found.verdict, found.value, found.similarity, found.age_s) == (Verdict.MISS, None, None, None)


def test_another_scope_is_another_question(cache: ExactCache[str]) -> None:
    cache.put(question(scope=("a", "b")), "mine", 10)
    assert verdict(cache, question(scope=("a", "c"))) == Verdict.MISS
    assert cache.lookup(question(scope=("a", "b"))).value == "mine"


def test_changed_documents_end_an_answer(cache: ExactCache[str]) -> None:
    cache.put(question(version=1), "old", 10)
    assert cache.lookup(question(version=2)).reason == "the documents changed since"
    assert (len(cache), cache.stored_bytes) == (0, 0)
    assert verdict(cache, question(version=1)) == Verdict.MISS


def test_an_answer_to_an_older_state_is_not_served_to_a_newer_question(cache: ExactCache[str]) -> None:
    cache.put(question(version=1), "computed before the write, stored after it", 10)
    assert verdict(cache, question(version=2)) == Verdict.MISS


@pytest.mark.parametrize(("age_s", "expected"), [(60, Verdict.EXACT), (60.1, Verdict.MISS)])
def test_an_answer_expires(cache: ExactCache[str], clock: FakeClock, age_s: float, expected: Verdict) -> None:
    cache.put(question(), "answer", 10)
    clock.advance(age_s)
    assert verdict(cache, question()) == expected
    assert len(cache) == (expected == Verdict.EXACT)


def test_serving_does_not_prolong_a_life(cache: ExactCache[str], clock: FakeClock) -> None:
    cache.put(question(), "answer", 10)
    for _ in range(2):
        clock.advance(30)
        assert verdict(cache, question()) == Verdict.EXACT
    clock.advance(1)
    assert verdict(cache, question()) == Verdict.MISS


def test_a_caller_may_ask_for_a_younger_answer(cache: ExactCache[str], clock: FakeClock) -> None:
    cache.put(question(), "answer", 10)
    clock.advance(10)
    assert cache.lookup(question(), max_age_s=9).reason == "older than asked for"
    assert cache.lookup(question(), max_age_s=10).value == "answer"
    assert cache.lookup(question(), max_age_s=0).value is None
    assert cache.lookup(question()).value == "answer"


def test_the_latest_answer_stands(cache: ExactCache[str], clock: FakeClock) -> None:
    cache.put(question(), "first", 10)
    clock.advance(5)
    cache.put(question(version=2), "second", 20)
    found = cache.lookup(question(version=2))
    assert (found.value, found.age_s) == ("second", 0)
    assert (len(cache), cache.stored_bytes) == (1, 20)


def test_entries_are_bounded_and_the_longest_unused_goes(cache: ExactCache[str]) -> None:
    for name in "abc":
        cache.put(question(name), name, 1)
    assert verdict(cache, question("a")) == Verdict.EXACT
    cache.put(question("d"), "d", 1)
    assert [verdict(cache, question(name)) for name in "abcd"] == [
        Verdict.EXACT,
        Verdict.MISS,
        Verdict.EXACT,
        Verdict.EXACT,
    ]


def test_bytes_are_bounded(cache: ExactCache[str]) -> None:
    cache.put(question("a"), "a", 60)
    cache.put(question("b"), "b", 40)
    assert (len(cache), cache.stored_bytes) == (2, 100)
    cache.put(question("c"), "c", 41)
    assert (len(cache), cache.stored_bytes) == (2, 81)
    assert verdict(cache, question("a")) == Verdict.MISS


def test_an_answer_larger_than_the_bound_is_not_kept(cache: ExactCache[str]) -> None:
    cache.put(question("a"), "a", 60)
    cache.put(question("b"), "b", 101)
    assert (len(cache), cache.stored_bytes) == (1, 60)
    assert verdict(cache, question("b")) == Verdict.MISS


def test_a_cache_without_room_keeps_nothing(clock: FakeClock) -> None:
    cache: ExactCache[str] = ExactCache(clock.now, max_entries=0)
    cache.put(question(), "answer", 1)
    assert (len(cache), cache.stored_bytes, verdict(cache, question())) == (0, 0, Verdict.MISS)


class Model:
    """What the cache is to do, said in the plainest way."""

    def __init__(self, entries: int, size: int, ttl_s: float) -> None:
        self.bounds = entries, size
        self.ttl_s = ttl_s
        self.kept: OrderedDict[tuple[str, str], tuple[int, int, float, int]] = OrderedDict()

    def put(self, scope: str, text: str, version: int, value: int, size: int, now: float) -> None:
        if size <= self.bounds[1]:
            self.kept.pop((scope, text), None)
            self.kept[scope, text] = value, version, now, size
        while len(self.kept) > self.bounds[0] or self.bytes > self.bounds[1]:
            self.kept.popitem(last=False)

    def get(self, scope: str, text: str, version: int, now: float) -> int | None:
        entry = self.kept.get((scope, text))
        if entry is None:
            return None
        if entry[1] != version or now - entry[2] > self.ttl_s:
            del self.kept[scope, text]
            return None
        self.kept.move_to_end((scope, text))
        return entry[0]

    @property
    def bytes(self) -> int:
        return sum(entry[3] for entry in self.kept.values())


SCOPE, TEXT = st.sampled_from(["tenant-a", "tenant-b"]), st.sampled_from(["x", "y", "z"])
STEPS = st.lists(
    st.tuples(st.booleans(), SCOPE, TEXT, st.integers(1, 2), st.integers(0, 12), st.floats(0, 4)), max_size=40
)


@given(STEPS)
def test_it_serves_what_the_plainest_cache_would(steps: list[tuple[bool, str, str, int, int, float]]) -> None:
    clock = FakeClock()
    cache: ExactCache[int] = ExactCache(clock.now, max_entries=3, max_bytes=20, ttl_s=8)
    model = Model(3, 20, 8)
    for value, (is_put, scope, text, version, size, pause_s) in enumerate(steps):
        clock.advance(pause_s)
        if is_put:
            cache.put(Question(scope, text, version), value, size)
            model.put(scope, text, version, value, size, clock.now_s)
        else:
            expected = model.get(scope, text, version, clock.now_s)
            assert cache.lookup(Question(scope, text, version)).value == expected
        assert (len(cache), cache.stored_bytes) == (len(model.kept), model.bytes)


@given(st.lists(st.tuples(SCOPE, TEXT), min_size=1, max_size=20))
def test_no_answer_crosses_a_scope(stored: list[tuple[str, str]]) -> None:
    cache: ExactCache[str] = ExactCache(FakeClock().now)
    for scope, text in stored:
        cache.put(Question(scope, text, 1), scope, 1)
    for scope in ("tenant-a", "tenant-b", "tenant-c"):
        for text in "xyz":
            found = cache.lookup(Question(scope, text, 1))
            assert found.value == (scope if (scope, text) in stored else None)
