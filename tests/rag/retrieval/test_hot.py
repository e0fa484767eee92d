from __future__ import annotations

import pytest

from rag.retrieval.hot import HotQueries
from rag.types import Filters, Space

SPACE, OTHER = Space("default", "docs"), Space("default", "more")


class Log:
    def __init__(self) -> None:
        self.position: int | None = 7

    def settled_at(self, _space: Space) -> int | None:
        return self.position


@pytest.fixture
def log() -> Log:
    return Log()


@pytest.fixture
def hot(log: Log) -> HotQueries[str]:
    return HotQueries(2, log.settled_at)


def ask(
    hot: HotQueries[str],
    question: str = "What?",
    filters: Filters | None = None,
    space: Space = SPACE,
    top_k: int = 5,
    plan: str = "fused",
) -> str | None:
    """Look for the result; store one where there is none."""
    key = hot.key(space, question, filters or {}, top_k, plan)
    found = hot.get(key)
    if found is None:
        hot.put(key, f"found for {question}")
    return found


def test_the_same_question_is_answered_from_what_was_found(hot: HotQueries[str]) -> None:
    assert ask(hot) is None
    assert ask(hot) == "found for What?"
    assert ask(hot, "  What? ") == "found for What?"
    assert (hot.hits, hot.misses, len(hot)) == (2, 1, 1)


@pytest.mark.parametrize(
    "other",
    [
        {"question": "what?"},
        {"question": "Why?"},
        {"filters": {"year": 1}},
        {"filters": {"year": True}},
        {"filters": {"year": "1"}},
        {"space": OTHER},
        {"top_k": 6},
        {"plan": "tiered"},
    ],
)
def test_what_differs_in_anything_is_another_question(hot: HotQueries[str], other: dict[str, object]) -> None:
    ask(hot, filters={"year": 2000})
    ask(hot)
    assert ask(hot, **other) is None  # type: ignore[arg-type]


def test_the_order_of_filters_does_not_count(hot: HotQueries[str]) -> None:
    ask(hot, filters={"a": 1, "b": [2, 3]})
    assert ask(hot, filters={"b": [2, 3], "a": 1}) is not None


def test_a_write_makes_it_miss(hot: HotQueries[str], log: Log) -> None:
    ask(hot)
    log.position = 8
    assert ask(hot) is None
    assert ask(hot) is not None


def test_while_an_index_is_behind_nothing_is_stored_or_found(hot: HotQueries[str], log: Log) -> None:
    ask(hot)
    log.position = None
    assert ask(hot) is None
    assert ask(hot) is None
    assert (hot.misses, len(hot)) == (3, 1)


def test_the_one_not_asked_for_the_longest_goes_first(hot: HotQueries[str]) -> None:
    ask(hot, "a")
    ask(hot, "b")
    ask(hot, "a")
    ask(hot, "c")
    assert len(hot) == 2
    assert ask(hot, "a") is not None
    assert ask(hot, "b") is None


def test_without_room_nothing_is_kept(log: Log) -> None:
    hot: HotQueries[str] = HotQueries(0, log.settled_at)
    assert ask(hot) is None
    assert ask(hot) is None
    assert len(hot) == 0
