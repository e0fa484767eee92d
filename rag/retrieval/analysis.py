"""Text to index terms: words, without stop words, stemmed, hashed."""

from __future__ import annotations

import hashlib
import re
import threading
from collections.abc import Iterator

import Stemmer

#: Scripts that are written without spaces: each character is a word.
_DENSE = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af"
_WORD = re.compile(rf"[{_DENSE}]|[^\W_{_DENSE}]+(?:['’][^\W_{_DENSE}]+)?")
#: Lucene's English set, with the question words that say nothing about the passage.
_STOP_WORDS = """
a an and are as at be but by for if in into is it no not of on or such that the their then there these they this to was
will with what which who whom whose when where why how do does did has have had from were been its can could would
should about than
"""
STOP_WORDS = frozenset(_STOP_WORDS.split())
#: Distinct words kept with their terms; past it the memory starts anew.
CACHED_WORDS = 500_000


#: Raised with every change that gives other terms, so that what was kept of texts is analysed again.
VERSION = 1


class Analyzer:
    """Words to 64-bit terms. Safe to use from several threads: each has a stemmer of its own.

    Attributes:
        version: the same only for analysers that give the same terms.
    """

    def __init__(self, language: str = "english") -> None:
        self.version = f"{language} {VERSION}"
        self._language = language
        self._local = threading.local()
        self._terms: dict[str, int] = {}

    def terms(self, text: str) -> list[int]:
        """The terms of `text` in order, repeated ones included."""
        known = self._terms
        terms = []
        for word in _words(text):
            term = known.get(word)
            terms.append(self._learn(word) if term is None else term)
        return terms

    def _learn(self, word: str) -> int:
        stemmer = getattr(self._local, "stemmer", None)
        if stemmer is None:
            stemmer = self._local.stemmer = Stemmer.Stemmer(self._language)
        stem: str = stemmer.stemWord(word)
        term = int.from_bytes(hashlib.blake2b(stem.encode(), digest_size=8).digest(), "little")
        if len(self._terms) >= CACHED_WORDS:
            self._terms = {}
        self._terms[word] = term
        return term


def _words(text: str) -> Iterator[str]:
    for word in _WORD.findall(text.casefold()):
        owner = word.removesuffix("'s").removesuffix("’s")
        if owner not in STOP_WORDS:
            yield owner
