"""Where sentences begin and end, by rule: no model, linear in the text, fast enough for the request path.

A stop (`.`, `?`, `!`, `…`, `。` and the like) ends a sentence unless what stands around it says otherwise: an
abbreviation or initial before it, a small letter or nothing but more text after it. In doubt the text is left whole,
since a sentence cut in two misleads a reader more than two sentences in one. Blank lines and list items end one too.
"""

from __future__ import annotations

import re
from collections.abc import Iterator


def _words(listing: str) -> frozenset[str]:
    return frozenset(listing.split())


_SPACED_STOPS = ".!?…؟۔।॥"
_CJK_STOPS = "。！？｡"
_CLOSERS = "\"'”’»)\\]}」』）】"

#: A stop and what follows it without a space: stops, closing quotes and brackets, an encyclopedia's reference marks
#: like [3], [citation needed] and :63–64; or a line break.
_CANDIDATE = re.compile(
    rf"[{_SPACED_STOPS}{_CJK_STOPS}\n][{_SPACED_STOPS}{_CJK_STOPS}]*"
    rf"(?:[{_CLOSERS}]|\[[\w ?]{{1,25}}\]|:\d[\d–-]{{0,10}})*"
)
#: After a line break: an empty line, or the marker of a list item.
_NEW_BLOCK = re.compile(r"[ \t\r]*(?:\n|(?:[-*+•]|\d{1,3}[.)])[ \t])")
_WHITESPACE = re.compile(r"\s*")
#: The first word after a stop, without the quotes and brackets that open it.
_NEXT_WORD = re.compile(r"[\s\"'“‘«(\[¿¡*_]*([^\W_]*)(\.?)")
#: The word that a full stop closes; the text before it is cut to `_LOOK_BACK` characters, so this stays cheap.
_LAST_WORD = re.compile(r"(?:^|[^\w.])([\w.]+)$")
_LOOK_BACK = 16
_DOTTED = re.compile(r"(?:[^\W\d_]\.)+[^\W\d_]{1,2}|[^\W\d_]{2}\.[^\W\d_]")
#: What an abbreviation of `_NUMBERED` counts. "A" and "I" are missing: they open sentences more often.
_NUMBER = re.compile(r"\d\w*|[IVXLC]{2,}|[B-HJ-Z]")

#: Always followed by the rest of their sentence.
_OPEN = _words(
    "Mr Mrs Ms Dr Prof Messrs Mme Mlle Gen Col Capt Lt Sgt Maj Cmdr Adm Rev Hon Gov Sen Rep Pres Amb Mt "
    "vs cf Cf e.g i.e eg ie viz approx ca al resp incl esp"
)
#: In small letters: abbreviations only when a number follows, as in "No. 5", "Fig. B", "pp. 3".
_NUMBERED = _words("no nos fig figs eq eqs vol vols pp p sec sect ch chap art par para tab ref refs app ex op")
#: May close a sentence; they do when a word follows that usually opens one.
_MAYBE = _words(
    "etc Inc inc Ltd Co Corp Bros Jr Sr St Ft ft Ave Blvd Rd Dept dept Univ Assn Est est Jan Feb Mar Apr Jun Jul Aug "
    "Sep Sept Oct Nov Dec Mon Tue Wed Thu Fri Sat Sun"
)
_OPENERS = _words(
    "The This That These Those There They Then Their A An At As And After Although All Also Another Both But By "
    "Each Even Every For From He Her His How However I If In It Its Many Most My No Not On One Or Other Our She Since "
    "So Some Such To Today Under Until We What When Where Which While Who Why With You Your"
)


def sentence_spans(text: str) -> list[tuple[int, int]]:
    """The sentences of `text` as pairs (first character, one past the last), in order, without outer whitespace.

    Every character of the text that is not whitespace lies in exactly one span.
    """
    spans = []
    start = _skip_whitespace(text, 0)
    for end in _ends(text):
        if end > start:
            spans.append((start, start + len(text[start:end].rstrip())))
            start = _skip_whitespace(text, end)
    return spans


def split_sentences(text: str) -> list[str]:
    """The sentences of `text`, in order, without outer whitespace."""
    return [text[start:end] for start, end in sentence_spans(text)]


def _skip_whitespace(text: str, at: int) -> int:
    match = _WHITESPACE.match(text, at)
    return match.end() if match else at


def _ends(text: str) -> Iterator[int]:
    for match in _CANDIDATE.finditer(text):
        start, end = match.span()
        first = text[start]
        if first == "\n":
            if _NEW_BLOCK.match(text, start + 1):
                yield start
        elif first in _CJK_STOPS or (text[end : end + 1].isspace() and _ends_sentence(text, start, end)):
            yield end
    yield len(text)


def _ends_sentence(text: str, start: int, end: int) -> bool:
    """Whether the stop at `start`, whose closers run to `end`, with whitespace behind it, ends its sentence."""
    if text[end + 1 : end + 2] == ".":
        return False  # an ellipsis with spaces, ". . ."
    before = text[max(start - 2, 0) : start]
    if end == start + 1 and before[-1:].isspace() and before[0] != ".":
        return True  # tokenised text, "a wing . the results"
    following = _NEXT_WORD.match(text, end)
    word, dot = following.groups() if following else ("", "")
    if word[:1].islower():
        return False
    if text[start] != "." or text[start : start + 2] == "..":
        return True
    return _full_stop_ends(text[max(0, start - _LOOK_BACK) : start], word, opener=not dot and word in _OPENERS)


def _full_stop_ends(before: str, following: str, *, opener: bool) -> bool:
    match = _LAST_WORD.search(before)
    if match is None:
        return True
    last = match[1]
    if last in _OPEN:
        return False
    if last.lower() in _NUMBERED and last != "P":
        return not _NUMBER.fullmatch(following)
    if last.isdigit():
        return not _counts_item(before[: match.start(1)])
    if last in _MAYBE or len(last) == 1 or _DOTTED.fullmatch(last):
        return opener
    return True


def _counts_item(before: str) -> bool:
    """Whether a number with a full stop counts an item, "1. Mix", rather than ending a sentence, "in 1999."."""
    return before.rstrip(" \t")[-1:] in ("", "\n", ".", ":", ";", "?", "!")
