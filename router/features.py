"""Cheap features of a question and of what retrieval found; nothing here calls a model."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Characters of a question that are read: the time of a decision does not grow with what is pasted in.
READ_CHARS = 4_000

_WORD = re.compile(r"[a-z]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
_SYMBOL = re.compile(r"[\\^_{}=+*/<>|$]")
_DECIMAL = re.compile(r"\d\.\d")
_FRACTION = re.compile(r"\d/\d")
_OPTION = re.compile(r"\n[A-J][.)]|\([A-E]\)")
_FACT = re.compile(r"\s*(?:what|who|where|when|which)\b", re.IGNORECASE)
_TASK = re.compile(r"\s*(?:how|why|explain|prove|find|calculate|compute|write)\b", re.IGNORECASE)

_NEGATIONS = frozenset(("not", "except", "never", "no", "none", "false", "incorrect", "least"))
_CODE = frozenset(("def", "function", "python", "return", "code", "assert"))
_RATES = frozenset(("each", "every", "per"))
_MULTIPLES = frozenset(("times", "twice", "double", "triple", "thrice"))
_FRACTIONS = frozenset(("half", "third", "thirds", "quarter", "quarters", "fourth", "fourths", "fifth", "fifths"))
_ORDER = ("if", "then", "after", "before", "first", "last")
_AMOUNT = ("than", "more", "less", "total", "remaining", "left", "only", "all")
_LOGIC = frozenset(_ORDER + _AMOUNT)

QUESTION_NAMES = (
    "characters",
    "words",
    "numbers",
    "numbers_per_word",
    "word_length",
    "lines",
    "question_marks",
    "sentences",
    "symbols",
    "negation",
    "options",
    "rates",
    "multiples",
    "fractions",
    "decimals",
    "percentages",
    "logic",
    "commas",
    "distinct_words",
    "statements",
    "ends_as_question",
    "code",
    "blank",
    "asks_fact",
    "asks_task",
)
EVIDENCE_NAMES = ("score_gap", "passages", "context_tokens")
NAMES = QUESTION_NAMES + EVIDENCE_NAMES


@dataclass(frozen=True, slots=True)
class Evidence:
    """What retrieval found, as far as it tells how hard the question is; None where it is not known.

    Attributes:
        score_gap: the best passage's score less the second's, as a share of the best, 0 to 1.
        passages: how many passages the model is given.
        context_tokens: tokens of all of them.
    """

    score_gap: float | None = None
    passages: int | None = None
    context_tokens: int | None = None


def features(question: str, evidence: Evidence | None = None) -> Floats:
    """The features in the order of `NAMES`, shape [len(NAMES)]; NaN where the evidence is not known."""
    return np.array([*_of_question(question[:READ_CHARS]), *_of_evidence(evidence or Evidence())])


def _of_question(text: str) -> tuple[float, ...]:
    lowered = text.lower()
    words = _WORD.findall(lowered)
    n_words = max(1, len(words))
    numbers = len(_NUMBER.findall(text))
    return (
        math.log1p(len(text)),
        math.log1p(len(words)),
        math.log1p(numbers),
        numbers / n_words,
        sum(map(len, words)) / n_words,
        math.log1p(text.count("\n")),
        math.log1p(text.count("?")),
        math.log1p(len(_SENTENCE_END.findall(text))),
        math.log1p(len(_SYMBOL.findall(text))),
        float(not _NEGATIONS.isdisjoint(words)),
        float(_OPTION.search(text) is not None),
        math.log1p(text.count("$") + _among(words, _RATES)),
        math.log1p(_among(words, _MULTIPLES)),
        math.log1p(_among(words, _FRACTIONS) + len(_FRACTION.findall(text))),
        math.log1p(len(_DECIMAL.findall(text))),
        math.log1p(text.count("%") + words.count("percent")),
        math.log1p(_among(words, _LOGIC)),
        math.log1p(text.count(",")),
        len(set(lowered.split())) / n_words,
        float("tatement" in text),
        float("?" in text[-80:]),
        float(not _CODE.isdisjoint(words)),
        float("__" in text),
        float(_FACT.match(text) is not None),
        float(_TASK.match(text) is not None),
    )


def _among(words: Sequence[str], wanted: frozenset[str]) -> int:
    return sum(map(wanted.__contains__, words))


def _of_evidence(evidence: Evidence) -> tuple[float, float, float]:
    return (
        math.nan if evidence.score_gap is None else evidence.score_gap,
        math.nan if evidence.passages is None else math.log1p(evidence.passages),
        math.nan if evidence.context_tokens is None else math.log1p(evidence.context_tokens),
    )
