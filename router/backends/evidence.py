"""The sentences of the excerpts, judged by their words against a question."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence, Set
from itertools import pairwise
from operator import mul
from typing import NamedTuple

from router.backends.question import Question, stems_of, words_of
from router.sentences import split_sentences
from router.types import Excerpt

_HEADING = re.compile(r"(?m)^(#{1,6} .*)$")
_TABLE_ROW = re.compile(r"\n(?=[ \t]*\|)")
_BLOCK_MARK = re.compile(r"^(?:#{1,6}|>|\||[-*+•]|\d{1,3}[.)])\s+")


class Features(NamedTuple):
    """What speaks for a sentence, each from 0 to 1.

    A share is of the weight of the question's words, a neighbourhood share of its pairs of neighbouring words.

    Attributes:
        own: share that the sentence itself speaks of.
        context: share that only its excerpt's title or its section's heading speaks of.
        preceding: share that only the sentence before it speaks of.
        pairs: neighbourhood share found in the sentence.
        kind: 1 if it holds the kind of thing that the question asks for.
        rank: 1 / (1 + rank of its excerpt).
        excerpt: share that the whole excerpt speaks of.
        excerpt_pairs: neighbourhood share found in the whole excerpt.
    """

    own: float
    context: float
    preceding: float
    pairs: float
    kind: float
    rank: float
    excerpt: float
    excerpt_pairs: float


#: What each feature adds to the log-odds that a sentence holds the answer: a conditional logit over the sentences of
#: the five best passages, fitted on SQuAD questions (XQuAD's English part) in two folds by article, and rounded.
WEIGHTS = Features(own=4.8, context=3.4, preceding=2.3, pairs=2.2, kind=1.8, rank=1.8, excerpt=2.9, excerpt_pairs=2.2)


class Candidate(NamedTuple):
    """A sentence that may answer.

    Attributes:
        text: the sentence, without the mark of a list item or heading.
        excerpt: index of its excerpt.
        features: what speaks for it.
    """

    text: str
    excerpt: int
    features: Features

    @property
    def score(self) -> float:
        """Log-odds to hold the answer, up to a constant that all candidates of a question share."""
        return float(sum(map(mul, WEIGHTS, self.features)))


def find_candidates(question: Question, excerpts: Sequence[Excerpt]) -> list[Candidate]:
    """Every sentence that says more than the question does, best first. Those that ask, or repeat it, are left out."""
    found = [
        candidate for index, excerpt in enumerate(excerpts) for candidate in _candidates_of(question, index, excerpt)
    ]
    return sorted(found, key=lambda candidate: -candidate.score)


class _Sentence(NamedTuple):
    text: str
    is_heading: bool
    stems: frozenset[str]
    pairs: frozenset[tuple[str, str]]  # only those of the question


def _candidates_of(question: Question, index: int, excerpt: Excerpt) -> Iterator[Candidate]:
    title = frozenset(stems_of(words_of(excerpt.title)))
    sentences = list(_sentences(question, excerpt.text))
    whole = _share(question, title.union(*(sentence.stems for sentence in sentences)))
    whole_pairs = frozenset[tuple[str, str]]().union(*(sentence.pairs for sentence in sentences))
    context, preceding = title, frozenset[str]()
    for text, is_heading, stems, pairs in sentences:
        if not (stems <= question.stems or text.endswith("?") or question.is_repeated(pairs)):
            own = _share(question, stems)
            features = Features(
                own=own,
                context=_share(question, context - stems),
                preceding=_share(question, preceding - stems - context),
                pairs=_pair_share(question, pairs, own),
                kind=float(question.finds_its_kind(text)),
                rank=1 / (1 + index),
                excerpt=whole,
                excerpt_pairs=_pair_share(question, whole_pairs, whole),
            )
            yield Candidate(_BLOCK_MARK.sub("", text), index, features)
        preceding = stems
        if is_heading:
            context = title | stems


def _sentences(question: Question, text: str) -> Iterator[_Sentence]:
    for place, block in enumerate(_HEADING.split(text)):
        for sentence in split_sentences(_TABLE_ROW.sub("\n\n", block)):
            stems = stems_of(words_of(sentence))
            yield _Sentence(
                text=sentence,
                is_heading=place % 2 == 1,
                stems=frozenset(stems),
                pairs=question.pairs.intersection(pairwise(stems)),
            )


def _share(question: Question, stems: Set[str]) -> float:
    return sum(weight for stem, weight in question.weights.items() if stem in stems)


def _pair_share(question: Question, pairs: Set[tuple[str, str]], share: float) -> float:
    """The neighbourhood share; a question of a single word has no neighbours, there it is the share of that word."""
    return len(pairs) / len(question.pairs) if question.pairs else share
