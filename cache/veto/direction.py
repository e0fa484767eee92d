"""Who does what to whom, from where to where."""

from __future__ import annotations

from functools import cache
from itertools import combinations

from cache.alignment import Pair
from cache.lexicon import lines
from cache.question import Term

#: Joins equals; what stands on either side may change places.
_SYMMETRIC_ROLES = frozenset(("", "and", "or", "between", "vs", "versus", "of", "about", "as"))
#: Prepositions of the one that something is done to.
_ENDS = frozenset(("on", "to", "against", "from", "at", "over"))


def conflict(pair: Pair) -> str | None:
    """Two terms have changed places: A to B against B to A, A did it to B against B did it to A."""
    matches = sorted(pair.matches)
    if any(term.lemma in _symmetric_words() for term in pair.asked.terms):
        return None
    for (i, k), (j, m) in combinations(matches, 2):
        first, second = (pair.asked.terms[i], pair.stored.terms[k]), (pair.asked.terms[j], pair.stored.terms[m])
        if first[0].lemma == second[0].lemma:
            continue
        if any(changed(*both) for changed in (_swapped, _exchanged) for both in ((first, second), (second, first))):
            return f"{first[0].lemma} and {second[0].lemma} have changed places"
    if not _passive(pair) and (turned := _turned(pair, matches)):
        return f"{turned} have changed places"
    return None


def _swapped(first: tuple[Term, Term], second: tuple[Term, Term]) -> bool:
    """Whether the first has in the asked question the role that the second has in the stored one, and only there."""
    role = first[0].role
    if role in _SYMMETRIC_ROLES or second[1].role != role:
        return False
    return first[1].role != role and second[0].role != role


def _exchanged(first: tuple[Term, Term], second: tuple[Term, Term]) -> bool:
    """Whether the first stands free where the second is under a preposition, and the other way in the other."""
    return not first[0].role and not second[1].role and second[0].role in _ENDS and first[1].role in _ENDS


def _passive(pair: Pair) -> bool:
    """Whether exactly one of the questions names the doer with "by"."""
    return ("by" in pair.asked.words("preposition")) != ("by" in pair.stored.words("preposition"))


def _turned(pair: Pair, matches: list[tuple[int, int]]) -> str | None:
    """Subject, verb, object read backwards in the other question, none of them under a preposition."""
    bare = [(i, k) for i, k in matches if not pair.asked.terms[i].role and not pair.stored.terms[k].role]
    for place, (_, middle) in enumerate(bare):
        first = next((i for i, k in bare[:place] if k > middle), None)
        last = next((j for j, n in bare[place + 1 :] if n < middle), None)
        if first is not None and last is not None:
            return f"{pair.asked.terms[first].lemma} and {pair.asked.terms[last].lemma}"
    return None


@cache
def _symmetric_words() -> frozenset[str]:
    return frozenset(word for line in lines("symmetric_words.txt") for word in line.split())
