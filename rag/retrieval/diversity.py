"""What a list should not repeat: the same text twice, and one document at the cost of all others.

A greedy choice as in maximal marginal relevance (Carbonell and Goldstein, SIGIR 1998): at each place stands the passage
that is best after what the ones before it make superfluous is taken off.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from rag.types import ScoredPassage

#: What a passage keeps of its score for each passage of the same document before it.
SAME_DOCUMENT = 0.8
#: Share of common words from which two passages are one text told twice.
SAME_TEXT = 0.9


def diversify(ranked: Sequence[ScoredPassage]) -> Iterator[ScoredPassage]:
    """The passages in their new order with the scores that they have there, best first, chosen as they are asked for.

    A passage that repeats one before it goes to the end, with score 0. The first passage of a document keeps its
    place among those of other documents.

    Args:
        ranked: best first, scores of at least 0.
    """
    left = list(ranked)
    taken: dict[str, int] = {}
    words: list[frozenset[str]] = []
    repeats: list[ScoredPassage] = []
    while left:
        best = _pop_best(left, lambda each: each.score * SAME_DOCUMENT ** taken.get(each.passage.document_id, 0))
        vocabulary = frozenset(best.passage.text.casefold().split())
        if any(_same(vocabulary, other) for other in words):
            repeats.append(replace(best, score=0.0))
            continue
        document = best.passage.document_id
        yield replace(best, score=best.score * SAME_DOCUMENT ** taken.get(document, 0))
        taken[document] = taken.get(document, 0) + 1
        words.append(vocabulary)
    yield from repeats


def _pop_best(left: list[ScoredPassage], value: Callable[[ScoredPassage], float]) -> ScoredPassage:
    """Take out the entry of the highest value, the first of equals; scores bound the values, and so the look."""
    best, best_value = 0, value(left[0])
    for place, each in enumerate(left):
        if each.score <= best_value and place:
            break
        if (here := value(each)) > best_value:
            best, best_value = place, here
    return left.pop(best)


def _same(one: frozenset[str], other: frozenset[str]) -> bool:
    smaller, larger = sorted((len(one), len(other)))
    if smaller < SAME_TEXT * larger:
        return False
    common = len(one & other)
    return common >= SAME_TEXT * (smaller + larger - common)
