"""The surface of a question: frames that ask the same, words that carry no topic, words written as names, tokens."""

from __future__ import annotations

import re
from functools import cache
from unicodedata import normalize

from cache.lexicon import english, lines

#: Contractions before their meaning; the rest of "'s" is a possessive.
_CONTRACTIONS = (
    (re.compile(r"\bcan't\b|\bcannot\b|\bcant\b"), "can not"),
    (re.compile(r"\bwon't\b|\bwont\b"), "will not"),
    (re.compile(r"\b(do|does|did|is|are|was|were|has|have|had|would|should|could|must)n'?t\b"), r"\1 not"),
    (re.compile(r"\b(what|who|where|when|why|how|that|it|there|here|he|she)'?s\b(?!')"), r"\1 is"),
    (re.compile(r"'m\b"), " am"),
    (re.compile(r"'re\b"), " are"),
    (re.compile(r"'ve\b"), " have"),
    (re.compile(r"'ll\b"), " will"),
    (re.compile(r"'d\b"), " would"),
    (re.compile(r"\b(\w+s)'(?=\s)"), r"\1's"),
)
_THOUSANDS = re.compile(r"(?<=\d),(?=\d{3}\b)")
_PATTERN = (
    r"(?P<number>(?<![\w.])-?\d+(?:[.,:/]\d+)*|\d+(?:[.,:/]\d+)*)"
    r"|(?P<unit>km/h|m/s|mi/h|[$€£¥₹%°][cf]?)"
    r"|(?P<possessive>'s\b)"
    r"|(?P<word>[a-z]\+\+|[a-z]#|[^\W\d_]+(?:_[^\W\d_]+)*)"
    r"|(?P<end>[.?!;]+(?=\s|$)|\n)"
)
_RAW_WORD = re.compile(r"[^\W\d_]+|[.?!]|\d+")
#: With a larger share of capitalised words, a question is a headline.
_HEADLINE = 0.7
#: Function words that are names when written so.
_NAME_LIKE = frozenset(("IT", "US", "WHO", "May", "Will"))


def plain(question: str) -> str:
    """The question in lower case, contractions written out, frames that ask the same brought to one form."""
    text = normalize("NFC", question).replace("’", "'").replace("`", "'").casefold()
    text = _THOUSANDS.sub("", text)
    for pattern, instead in _CONTRACTIONS:
        text = pattern.sub(instead, text)
    text = " ".join(text.split())
    for pattern, instead in _frames():
        text, changes = pattern.subn(instead, text)
        if changes:
            text = " ".join(text.split())
    return text


def tokens(question: str) -> list[tuple[str, str]]:
    """(kind, text) of each token of the plain question: number, unit, possessive, word, code, or end of a sentence."""
    return [(match.lastgroup or "", match.group()) for match in _token().finditer(plain(question))]


def names(question: str) -> frozenset[str]:
    """Words written as names, in lower case. A question that is capitalised throughout tells nothing."""
    words = _RAW_WORD.findall(normalize("NFC", question))
    alphabetic = [word for word in words if word[0].isalpha()]
    capitals = sum(word[0].isupper() for word in alphabetic)
    if len(alphabetic) > 3 and capitals > _HEADLINE * len(alphabetic):
        return frozenset()
    before = [".", *words]
    return frozenset(
        word.lower() for i, word in enumerate(words) if word[0].isupper() and _is_name(word, before[i] not in ".?!")
    )


def unknown_words(question: str) -> frozenset[str]:
    """Words in lower case that are in no list, acronyms aside: names, rare words, slips of the finger."""
    known = english().knows
    small = {word.lower() for word in _RAW_WORD.findall(normalize("NFC", question)) if not word.isupper()}
    return frozenset(word for word in small if word.isalpha() and word not in function_classes() and not known(word))


def _is_name(word: str, inside: bool) -> bool:
    """Whether a capitalised word, inside a sentence or at its start, is a name."""
    small = word.lower()
    if small in function_classes():
        return inside and word in _NAME_LIKE
    return inside or (len(word) > 1 and word.isupper()) or english().lemma(small) not in english().vocabulary


@cache
def function_classes() -> dict[str, tuple[str, ...]]:
    """Function word -> the classes it is in."""
    classes: dict[str, tuple[str, ...]] = {}
    for line in lines("function_words.txt"):
        name, _, words = line.partition(":")
        for word in words.split():
            classes[word] = (*classes.get(word, ()), name)
    return classes


@cache
def light_words() -> frozenset[str]:
    """Words that one of two questions may have alone without asking something else."""
    return frozenset(word for line in lines("light_words.txt") for word in line.split())


@cache
def _frames() -> tuple[tuple[re.Pattern[str], str], ...]:
    rows = (line.split("=>") for line in lines("frames.txt"))
    return tuple((re.compile(pattern.removesuffix(" ")), f" {instead.strip()} ") for pattern, instead in rows)


@cache
def _token() -> re.Pattern[str]:
    """Tokens; words with digits that the lexicon knows (2fa) come first."""
    codes = "|".join(sorted(word for word in english().senses if any(map(str.isdigit, word)) and word.isalnum()))
    return re.compile(rf"(?P<code>\b(?:{codes})\b)|{_PATTERN}")
