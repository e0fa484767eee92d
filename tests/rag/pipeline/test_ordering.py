from __future__ import annotations

import random
from itertools import takewhile

import pytest

from rag.pipeline import ordering
from rag.pipeline.ordering import Ordering, by_document
from rag.types import Passage, ScoredPassage, Space

SPACE = Space("tenant", "default")


def found(*names: str) -> list[ScoredPassage]:
    """Passages best first; "b3" is the fourth of document b."""
    return [ScoredPassage(Passage(name, name[0], int(name[1:] or 0), "text"), 1 / n) for n, name in enumerate(names, 1)]


def arranged(by: Ordering, *names: str, space: Space = SPACE) -> str:
    return " ".join(each.passage.id for each in by.arrange(space, found(*names)))


def test_by_document_scores_do_not_matter() -> None:
    by = Ordering("canonical")
    assert arranged(by, "b1", "a10", "a2", "b0") == arranged(by, "a2", "b0", "b1", "a10") == "a2 a10 b0 b1"
    assert by_document([]) == ()


def test_by_relevance_they_stay_as_they_were_found() -> None:
    assert arranged(Ordering("relevance"), "b1", "a10", "a2") == "b1 a10 a2"


def test_the_first_prompt_has_them_as_they_were_found() -> None:
    assert arranged(Ordering(), "c", "a", "b") == "c a b"


def test_a_later_prompt_follows_as_far_as_it_has_the_same() -> None:
    by = Ordering()
    arranged(by, "c", "a", "b")
    assert arranged(by, "b", "a", "c") == "c a b"
    assert arranged(by, "d", "a", "c") == "c a d"
    assert arranged(by, "e", "b", "c") == "c e b", "the rest by relevance, where nobody went before"
    assert arranged(by, "a", "b") == "a b", "without the first there is nothing to share"


def test_the_way_that_most_went_is_taken() -> None:
    by = Ordering()
    for _ in range(2):
        arranged(by, "a", "x")
    arranged(by, "b", "y")
    assert arranged(by, "b", "a") == "a b"


def test_spaces_share_nothing() -> None:
    by = Ordering()
    arranged(by, "a", "b")
    assert arranged(by, "b", "a", space=Space("other", "default")) == "b a"


def test_nothing_stays_nothing() -> None:
    assert Ordering().arrange(SPACE, []) == ()


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ordering, "MAX_STEPS", 100)
    by = Ordering()
    arranged(by, "a", "b")
    for n in range(100):
        arranged(by, f"c{n}", "d")
    assert arranged(by, "b", "a") == "b a", "it began anew"
    assert arranged(by, "a", "b") == "b a", "and remembers again"


def test_sets_that_overlap_share_more_than_by_document_or_by_relevance() -> None:
    draw = random.Random(7)
    passages = [f"{chr(97 + n % 10)}{n // 10}" for n in range(80)]
    sought = {name: 1 / draw.randrange(1, 40) for name in passages}  # a few are sought often, most seldom
    sets = [sorted(passages, key=lambda name: draw.random() ** (1 / sought[name]))[-4:] for _ in range(300)]

    def shared(by: Ordering) -> int:
        """Passages of all prompts that stand where an earlier prompt had the same ones before them."""
        seen: set[str] = set()
        total = 0
        for names in sets:
            order = arranged(by, *names).split()
            beginnings = [" ".join(order[:n]) for n in range(1, len(order) + 1)]
            total += len(list(takewhile(seen.__contains__, beginnings)))
            seen.update(beginnings)
        return total

    by_order = {each: shared(Ordering(each)) for each in ("shared", "canonical", "relevance")}  # type: ignore[arg-type]
    assert by_order["shared"] > 1.1 * max(by_order["canonical"], by_order["relevance"]), by_order
