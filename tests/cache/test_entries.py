from __future__ import annotations

import pytest

from cache.entries import Entries, Entry
from cache.evidence import Support

A, B = ("docs", "a"), ("docs", "b")


def entry(number: int, *documents: tuple[str, str], area: bool = True) -> Entry[str]:
    support = Support(frozenset(), frozenset(), frozenset(documents))
    where = ("scope", "en") if area else None
    return Entry(("scope", f"q{number}"), number, f"n{number}", "value", support, 1, 0.0, where)


@pytest.fixture
def entries() -> Entries[str]:
    return Entries(3, 100)


def test_an_answer_is_found_by_question_number_name_and_document(entries: Entries[str]) -> None:
    first, second = entry(1, A), entry(2, A, B)
    for each in (first, second):
        assert entries.add(each, 10) == []
    assert entries.get(first.key) is entries.numbered(1) is entries.named("n1") is first
    assert set(entries.resting_on(A)) == {first, second}
    assert entries.resting_on(B) == [second]
    assert list(entries) == [first, second]
    assert (len(entries), entries.bytes) == (2, 20)


def test_what_was_removed_is_found_by_nothing(entries: Entries[str]) -> None:
    gone = entry(1, A)
    entries.add(gone, 10)
    entries.remove(gone)
    assert entries.get(gone.key) is entries.numbered(1) is entries.named("n1") is None
    assert entries.resting_on(A) == []
    assert (len(entries), entries.bytes) == (0, 0)


def test_what_has_to_go_is_told_and_gone(entries: Entries[str]) -> None:
    for number in range(3):
        entries.add(entry(number, A), 10)
    (gone,) = entries.add(entry(3, A), 10)
    assert gone.number == 0
    assert entries.get(gone.key) is None
    assert {each.number for each in entries.resting_on(A)} == {1, 2, 3}
    assert [each.number for each in entries.add(entry(4), 101)] == [4]


def test_what_is_hidden_stays_for_its_own_question(entries: Entries[str]) -> None:
    hidden, shown = entry(1), entry(2)
    for each in (hidden, shown):
        entries.add(each, 10)
    entries.hide(hidden)
    entries.hide(hidden)
    assert entries.areas == {("scope", "en"): 1}
    assert entries.get(hidden.key) is hidden
    entries.hide(shown)
    assert not entries.areas
