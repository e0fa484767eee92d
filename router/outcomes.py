"""Outcomes: how good both models' answers to a question were; JSON Lines with `source topic? prompt small large`.

Shadow traffic that keeps no text has `embedder vector features` in place of `prompt`.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from router.features import NAMES, Evidence


@dataclass(frozen=True, slots=True)
class Measured:
    """A question without its text: what the classifier saw of it.

    Attributes:
        embedder: the model that the vector is from.
        vector: the unit embedding.
        features: in the order of `router.features.NAMES`; NaN where one is not known.
    """

    embedder: str
    vector: tuple[float, ...]
    features: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class Outcome:
    """A question that both models answered.

    Attributes:
        source: where it is from; balances training, is judged by, and is no feature.
        prompt: the question; of one without its text, the request's id.
        small: quality of the small model's answer, 0 to 1.
        large: the same of the large model's.
        evidence: what retrieval had found; None where it was not recorded.
        measured: what stands in for the text; None where there is a text.
    """

    source: str
    prompt: str
    small: float
    large: float
    evidence: Evidence | None = None
    measured: Measured | None = None


def parse_outcomes(lines: Iterable[str], name: str) -> list[Outcome]:
    """The outcomes of a file's lines; empty lines are passed over.

    Args:
        lines: of the file.
        name: of the file, for messages, and the source of outcomes that name none.

    Raises:
        ValueError: a line is no outcome; the message says which, and what is wrong.
    """
    return [_outcome(line, f"{name}:{number}", name) for number, line in enumerate(lines, 1) if line.strip()]


def _outcome(line: str, place: str, name: str) -> Outcome:
    try:
        record = json.loads(line)
        measured = None if "prompt" in record else _measured(record)
        prompt = record.get("request_id") or place if measured else record["prompt"]
        source, evidence = record.get("source") or name, record.get("evidence")
        small, large = _quality(record["small"]), _quality(record["large"])
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(
            f"{place}: no outcome with prompt (or vector), small and large of 0 to 1: {error!r}"
        ) from error
    if not (isinstance(prompt, str) and prompt.strip() and isinstance(source, str)):
        raise ValueError(f"{place}: prompt must be a text that is not empty, and source a text")
    return Outcome(source, prompt, small, large, _evidence(evidence, place) if evidence else None, measured)


def _measured(record: Mapping[str, Any]) -> Measured:
    found = tuple(math.nan if value is None else float(value) for value in record["features"])
    if len(found) != len(NAMES):
        raise ValueError(f"{len(found)} features, not {len(NAMES)}")
    return Measured(str(record["embedder"]), tuple(map(float, record["vector"])), found)


def _quality(value: object) -> float:
    if not isinstance(value, int | float) or not 0 <= value <= 1:
        raise ValueError(f"{value!r} is no quality")
    return float(value)


def _evidence(told: object, place: str) -> Evidence:
    known = {field.name for field in fields(Evidence)}
    if not isinstance(told, dict) or not told.keys() <= known:
        raise ValueError(f"{place}: evidence must be an object of {', '.join(sorted(known))}")
    if not all(value is None or (isinstance(value, int | float) and value >= 0) for value in told.values()):
        raise ValueError(f"{place}: evidence must be numbers of at least 0")
    return Evidence(**told)
