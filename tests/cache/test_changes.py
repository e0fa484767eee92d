from __future__ import annotations

from cache.changes import Changes


def test_an_answer_from_before_a_change_is_told_from_one_after_it() -> None:
    changes = Changes()
    changes.note(("docs", "a"), 5)
    assert not changes.none_since(4, [("docs", "b"), ("docs", "a")])
    assert changes.none_since(5, [("docs", "a")])
    assert changes.none_since(0, [("docs", "b"), ("other", "a")])
    changes.note(("docs", "a"), 7)
    assert not changes.none_since(5, [("docs", "a")])


def test_what_was_forgotten_speaks_against_older_answers_of_its_collection() -> None:
    changes = Changes(most=2)
    for position, name in enumerate("abcd", start=1):
        changes.note(("docs", name), position)
    assert not changes.none_since(1, [("docs", "x")])
    assert changes.none_since(2, [("docs", "x")])
    assert not changes.none_since(2, [("docs", "c")])
    assert changes.none_since(0, [("other", "x")])
