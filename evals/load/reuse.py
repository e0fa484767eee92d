"""Which questions a recorded trace asks: what shared a prompt shares a subject.

A trace with prompt hashes (Mooncake's, Qin et al., FAST 2025) tells which requests had the same beginning and which the
same prompt, but not what was asked. So each subject gets a passage, and each prompt on it a question on that passage.
"""

from __future__ import annotations

import itertools
import random
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from evals.errors import CannotMeasure
from evals.load.questions import read_texts
from evals.load.traces import TraceRequest
from router.sentences import split_sentences

#: Words of a sentence that a question takes over, and those that a sentence must have to be asked about.
MOST_WORDS, LEAST_WORDS = 14, 6


def prompts(trace: Sequence[TraceRequest]) -> list[tuple[int, int]]:
    """For each request its subject and its prompt on that subject, numbered as they first occur.

    Blocks that all prompts begin with are the system's; those who share the block after them share the subject. A
    prompt is the same where all of its blocks are.
    """
    shared = _shared_blocks(trace)
    subjects: dict[tuple[int, ...], int] = {}
    asked: defaultdict[int, dict[tuple[int, ...], int]] = defaultdict(dict)
    found = []
    for request in trace:
        subject = subjects.setdefault(request.hash_ids[shared : shared + 1], len(subjects))
        found.append((subject, asked[subject].setdefault(request.hash_ids, len(asked[subject]))))
    return found


def ask(trace: Sequence[TraceRequest], groups: Sequence[Sequence[str]], seed: int) -> list[str]:
    """The question of each request of a trace with hashes.

    Args:
        trace: at least one request.
        groups: questions on one subject each; where there are fewer than the trace needs, they are used again.
        seed: deals the groups out.
    """
    dealt = random.Random(f"{seed}/subjects").sample(groups, len(groups))  # noqa: S311 - repeatable by design
    chosen = ((dealt[subject % len(dealt)], prompt) for subject, prompt in prompts(trace))
    return [group[prompt % len(group)] for group, prompt in chosen]


def about_passages(path: Path) -> list[list[str]]:
    """For each document of a BEIR `corpus.jsonl[.gz]` a question on each of its sentences.

    They are known-item queries (Azzopardi, de Rijke and Balog, "Building simulated queries for known-item topics",
    SIGIR 2007): made of a sentence's own words, so that the passage can be found.

    Raises:
        CannotMeasure: the file cannot be read, or has no sentence that is long enough.
    """
    groups = [group for text in read_texts(path) if (group := _questions(text))]
    if not groups:
        raise CannotMeasure(f"{path} has no sentence of {LEAST_WORDS} words to ask about")
    return groups


def _questions(text: str) -> list[str]:
    sentences = [sentence.rstrip(".!?").split() for sentence in split_sentences(text)]
    asked = (" ".join(words[:MOST_WORDS]) for words in sentences if len(words) >= LEAST_WORDS)
    return list(dict.fromkeys(f"What is said about this: {words}?" for words in asked))


def _shared_blocks(trace: Sequence[TraceRequest]) -> int:
    columns = itertools.takewhile(
        lambda column: len(set(column)) == 1, zip(*(request.hash_ids for request in trace), strict=False)
    )
    # of prompts that are all the same, the last block is the subject
    return min(sum(1 for _ in columns), max(len(request.hash_ids) for request in trace) - 1)
