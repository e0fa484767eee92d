"""What a question asks for, read off its words."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import pairwise

import Stemmer

#: Scripts that put no spaces between words: each character counts as one.
UNSPACED = r"\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_WORD = re.compile(rf"[^\W_{UNSPACED}]+(?:[.,]\d+)*|[{UNSPACED}]")
#: Not to be used by two threads at a time; back ends run on the event loop.
_STEMMER = Stemmer.Stemmer("english")


def _listed(words: str) -> frozenset[str]:
    return frozenset(words.split())


_STOP_WORDS = _listed(
    """a about also am an and any are as at be been being but by bye call called can could d define describe did do does
    doing done explain find for from get give goodbye had has have having he hello her hers hey hi him his how i if in
    into is it its kind know list ll m many may me mean means might more most much must my name named no nor not of ok
    okay on once one only or our ours out over please re s shall she should show so some such t tell than thank thanks
    that the their theirs them then there these they this those to too type us ve very was we were what when where which
    while who whom whose why will with would yes you your yours"""
)
_QUESTION_WORD = re.compile(r"\b(?:how|wh(?:at|ich|en|ere|om?|ose|y))\b", re.IGNORECASE)
_WHAT = r"(?:what|which) (?:(?:is|was|are|were) )?(?:the )?(?:\w+ )?"
_NUMBER = re.compile(
    r"\d|\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|half|third|quarter"
    r"|hundred|thousand|[mb]illion)s?\b",
    re.IGNORECASE,
)
_DATE = re.compile(
    r"\b(?:1\d|20)\d\d\b|\b\d{3,4}s\b|\b\d\d?(?:st|nd|rd|th)\b|\b(?:BC|AD)\b|centur"
    r"|\b(?:January|February|March|April|May|June|July|August|September|October|November|December)\b"
)
_REASON = re.compile(r"\b(?:because|due to|since|so that|in order|results?|caused?|reasons?|therefore|thus)\b", re.I)
_PLACE = r"(?:city|country|state|place|location|region|county|river|continent|town)\b"
_NAME = re.compile(r"\b[A-Z][\w'-]+")
#: How the question goes on from its question word -> what an answer to it holds.
_EXPECTATIONS = (
    (re.compile(r"how (?:many|much|long|old|tall|high|far|large|big|fast|often|deep|wide|heavy)\b", re.I), _NUMBER),
    (re.compile(_WHAT + r"(?:percent|percentage|number|amount|population)\b", re.I), _NUMBER),
    (re.compile(r"when\b|" + _WHAT + r"(?:year|date|day|month|decade|century)\b", re.I), _DATE),
    (re.compile(r"who(?:m|se)?\b|where\b|" + _WHAT + _PLACE, re.I), _NAME),
    (re.compile(r"why\b", re.I), _REASON),
)


_ASKS = re.compile(r"\s*(?:how|what|which|who|whom|whose|when|where|why|is|are|was|were|do|does|did|can)\b", re.I)
#: Shorter questions may stand in a sentence by chance.
MIN_REPEATED_PAIRS = 3


def words_of(text: str) -> list[str]:
    """The words and numbers of a text; in scripts without spaces each character is a word."""
    return _WORD.findall(text)


def stems_of(words: Sequence[str]) -> list[str]:
    """Each word in small letters and without its English ending; those of other languages mostly stay as they are."""
    stems: list[str] = _STEMMER.stemWords([word.lower() for word in words])
    return stems


@dataclass(frozen=True, slots=True)
class Question:
    """A question's words and the kind of thing it asks for.

    Attributes:
        weights: stem of each content word -> its share of the question's meaning; they sum to 1. Empty for a question
            that has none, such as a greeting.
        stems: stems of all its words.
        pairs: its pairs of neighbouring stems.
        kind: what an answer must match, None if the question tells nothing of it.
        asks: whether it is put as a question, and not as a list of keywords.
    """

    weights: Mapping[str, float]
    stems: frozenset[str]
    pairs: frozenset[tuple[str, str]]
    kind: re.Pattern[str] | None
    asks: bool

    @classmethod
    def of(cls, text: str) -> Question:
        """Read a question."""
        words = words_of(text)
        stems = stems_of(words)
        weights: dict[str, float] = {}
        for position, (word, stem) in enumerate(zip(words, stems, strict=True)):
            if word.lower() not in _STOP_WORDS:
                weights[stem] = max(_rarity(word, position), weights.get(stem, 0.0))
        total = sum(weights.values())
        return cls(
            weights={stem: weight / total for stem, weight in weights.items()},
            stems=frozenset(stems),
            pairs=frozenset(pairwise(stems)),
            kind=_expected_kind(text),
            asks=_ASKS.match(text) is not None,
        )

    def is_repeated(self, pairs: Set[tuple[str, str]]) -> bool:
        """Whether a sentence with these of the question's pairs repeats the question: in an example, say."""
        return self.asks and len(pairs) == len(self.pairs) >= MIN_REPEATED_PAIRS

    def finds_its_kind(self, sentence: str) -> bool:
        """Whether the sentence holds a number, date, name or reason, if that is what the question asks for.

        A name that the question itself speaks of is no answer to it.
        """
        if self.kind is not _NAME:
            return self.kind is not None and self.kind.search(sentence) is not None
        return any(
            name.lower() not in _STOP_WORDS and not self.stems.issuperset(stems_of(words_of(name)))
            for name in _NAME.findall(sentence)
        )


def _rarity(word: str, position: int) -> float:
    """How much a word narrows the search down: names and numbers most, then long words.

    Stands in for the inverse document frequency: the excerpts were chosen for these very words, so counting them
    there tells little.
    """
    named = position > 0 and word[0].isupper()
    return 1.0 + named + word[0].isdigit() + 0.15 * max(0, min(len(word), 10) - 4)


def _expected_kind(text: str) -> re.Pattern[str] | None:
    asked = _QUESTION_WORD.search(text)
    if asked is None:
        return None
    return next((kind for form, kind in _EXPECTATIONS if form.match(text, asked.start())), None)
