"""Labelled pairs that nobody owns but us: phrasings from templates, and light changes made by rule.

The shipped scorer is trained on them (`python -m evals.cache.shipped`), because no public set of question pairs
has a licence that lets weights trained on it be shipped.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from importlib.resources import files
from itertools import combinations

from evals.cache.pairs import LabelledPair


def light_rephrasings(question: str, rng: random.Random) -> dict[str, str]:
    """The question as somebody else types it: each value asks the same; the kind of change is the key."""
    body = question.rstrip("?. ")
    lowered = body[:1].lower() + body[1:] if not body[:2].isupper() else body
    return {
        "case": body.lower(),
        "politeness": f"Could you please tell me: {lowered}?",
        "thanks": f"{question} Thanks!",
        "typo": typo(question, rng),
        "unmarked": body,
    }


def typo(question: str, rng: random.Random) -> str:
    """Two neighbouring inner letters of one word of five to twelve small letters exchanged; without such, as it is."""
    words = question.split()
    places = [i for i, word in enumerate(words) if word.isalpha() and word.islower() and 5 <= len(word) <= 12]
    if not places:
        return question
    place = rng.choice(places)
    word = words[place]
    at = rng.choice([i for i in range(1, len(word) - 1) if word[i] != word[i + 1]] or [1])
    words[place] = word[:at] + word[at + 1] + word[at] + word[at + 2 :]
    return " ".join(words)


def generated_pairs(seed: int) -> list[LabelledPair]:
    """All pairs of phrasings of one meaning, light rephrasings, and as many neighbours that ask something else."""
    rng = random.Random(seed)  # noqa: S311 - not for secrets
    pairs: list[LabelledPair] = []
    for topic in topics():
        pairs += _of_topic(topic, rng)
    return pairs


def topics() -> Iterator[dict[str, list[list[str]]]]:
    """For each topic: value of its slot -> meanings -> phrasings with the value in place."""
    text = files("evals.cache").joinpath("rephrasings.txt").read_text(encoding="utf-8")
    for block in text.strip().split("\n\n"):
        head, *meanings = [line for line in block.splitlines() if not line.startswith("#")]
        slot, _, values = head.partition(":")
        yield {
            value.strip(): [[p.strip().replace(f"{{{slot}}}", value.strip()) for p in m.split("|")] for m in meanings]
            for value in values.split(",")
        }


def _of_topic(topic: dict[str, list[list[str]]], rng: random.Random) -> Iterator[LabelledPair]:
    for meanings in topic.values():
        for phrasings in meanings:
            yield from (LabelledPair(a, b, True, "phrasing") for a, b in combinations(phrasings, 2))
            for kind, changed in light_rephrasings(phrasings[0], rng).items():
                yield LabelledPair(phrasings[0], changed, True, kind)
        for one, other in combinations(meanings, 2):
            yield LabelledPair(rng.choice(one), rng.choice(other), False, "other meaning")
    for first, second in combinations(topic.values(), 2):
        for one, other in zip(first, second, strict=True):
            yield LabelledPair(one[0], other[0], False, "other slot")
            yield LabelledPair(rng.choice(one), rng.choice(other), False, "other slot")
