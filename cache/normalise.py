"""When two questions are the same to the letter."""

from __future__ import annotations

from unicodedata import normalize

#: Not "!", which after a number is a factorial.
_CLOSING = "?.。？ "


def normalise(question: str) -> str:
    """The question without differences that carry no meaning: Unicode form, letter case, spaces, closing marks."""
    # canonical forms only: the compatibility forms would make 102 of 10²
    folded = normalize("NFC", normalize("NFD", question).casefold())
    return " ".join(folded.split()).rstrip(_CLOSING)
