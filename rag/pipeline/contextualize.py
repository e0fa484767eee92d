"""A follow-up turn becomes a question that stands alone; a turn that stands alone is left as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from router.types import Message

#: Words that point back into the conversation.
_REFERENCE = re.compile(
    r"\b(it|its|they|them|their|theirs|this|that|these|those|he|him|his|she|her|hers|there|one|ones|same|former|latter"
    r"|previous|above|again|else|instead|too)\b",
    re.IGNORECASE,
)
_CONTINUATION = re.compile(
    r"^\s*(and|but|or|so|then|also|what about|how about|why not|why\??$|more|go on)\b", re.IGNORECASE
)
#: A turn of fewer words after another question is an ellipsis more often than not ("for Windows?").
MIN_WORDS = 4
#: Earlier user turns joined to a follow-up for retrieval.
JOINED_TURNS = 2


@dataclass(frozen=True, slots=True)
class StandaloneQuestion:
    """The user's last turn.

    Attributes:
        text: the turn as it was asked.
        search_text: what to look for: the turn, preceded by the turns that it refers to.
        standalone: whether the turn can be understood without the conversation.
        degraded: labels of what finding `search_text` had to do without.
    """

    text: str
    search_text: str
    standalone: bool
    degraded: tuple[str, ...] = ()


def contextualize(messages: Sequence[Message]) -> StandaloneQuestion:
    """The question of the last turn. `messages` ends with the user's turn."""
    text = messages[-1].content
    earlier = [message.content for message in messages[:-1] if message.role == "user"]
    if not earlier or stands_alone(text):
        return StandaloneQuestion(text, text, standalone=True)
    joined = "\n".join([*earlier[-JOINED_TURNS:], text])
    return StandaloneQuestion(text, joined, standalone=False)


def stands_alone(turn: str) -> bool:
    """Whether the turn names what it is about; wrong guesses cost a cache hit, not a wrong answer."""
    return len(turn.split()) >= MIN_WORDS and not _CONTINUATION.match(turn) and not _REFERENCE.search(turn)
