"""Recorded request times and lengths: JSONL, plain or gzipped, with `t input_tokens output_tokens hash_ids?`."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from pathlib import Path

import orjson

from evals.errors import CannotMeasure
from evals.load.textfile import open_text


@dataclass(frozen=True, slots=True)
class TraceRequest:
    """One recorded request.

    Attributes:
        t_s: seconds; the zero is the recorder's.
        hash_ids: one id per prompt block, equal where prompts share a prefix; empty where the trace has none.
    """

    t_s: float
    input_tokens: int
    output_tokens: int
    hash_ids: tuple[int, ...] = ()


def read_trace(path: Path) -> list[TraceRequest]:
    """All requests of the file, in its order.

    Raises:
        CannotMeasure: the file cannot be read, a line is not a trace record, or time runs backwards.
    """
    with open_text(path) as lines:
        trace = [_parse(line, f"{path}:{number}") for number, line in enumerate(lines, start=1) if line.strip()]
    if not trace:
        raise CannotMeasure(f"{path} holds no requests")
    if any(later.t_s < earlier.t_s for earlier, later in itertools.pairwise(trace)):
        raise CannotMeasure(f"{path} is not in the order of `t`")
    return trace


def _parse(line: str, where: str) -> TraceRequest:
    try:
        fields = orjson.loads(line)
        return TraceRequest(
            t_s=float(fields["t"]),
            input_tokens=int(fields["input_tokens"]),
            output_tokens=int(fields["output_tokens"]),
            hash_ids=tuple(fields.get("hash_ids", ())),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise CannotMeasure(f"{where} is not a trace record (t, input_tokens, output_tokens)") from error
