"""Cheap features of a question and of what retrieval found; nothing here calls a model."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

#: Characters of a question that are read: the time of a decision does not grow with what is pasted in.
READ_CHARS = 4_000

_WORD = re.compile(r"[A-Za-z]+")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_SENTENCE_END = re.compile(r"[.!?](?:\s|$)")
_SYMBOL = re.compile(r"[\\^_{}=+*/<>|$]")
_NEGATION = re.compile(r"\b(?:not|except|never|no|none|false|incorrect|least)\b", re.IGNORECASE)
_OPTION = re.compile(r"\n[A-J][.)]|\([A-E]\)")
_RELATION = re.compile(r"[%$]|percent|half|twice|third|quarter|times|each|\bper\b|every")
_LOGIC = re.compile(r"\b(?:if|then|after|before|than|more|less|total|remaining|left|first|last|only|all)\b")
_CODE = re.compile(r"\b(?:def|function|python|return|code|assert)\b")
_FACT = re.compile(r"\s*(?:what|who|where|when|which)\b", re.IGNORECASE)
_TASK = re.compile(r"\s*(?:how|why|explain|prove|find|calculate|compute|write)\b", re.IGNORECASE)

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
    "relations",
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
    words = _WORD.findall(text)
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
        float(_NEGATION.search(text) is not None),
        float(_OPTION.search(text) is not None),
        math.log1p(len(_RELATION.findall(text))),
        math.log1p(len(_LOGIC.findall(text))),
        math.log1p(text.count(",")),
        len(set(text.lower().split())) / n_words,
        float("tatement" in text),
        float("?" in text[-80:]),
        float(_CODE.search(text) is not None),
        float("__" in text),
        float(_FACT.match(text) is not None),
        float(_TASK.match(text) is not None),
    )


def _of_evidence(evidence: Evidence) -> tuple[float, float, float]:
    return (
        math.nan if evidence.score_gap is None else evidence.score_gap,
        math.nan if evidence.passages is None else math.log1p(evidence.passages),
        math.nan if evidence.context_tokens is None else math.log1p(evidence.context_tokens),
    )
