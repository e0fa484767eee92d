"""The last seconds of a running load in figures: what probes judge and the terminal shows."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from fnmatch import fnmatchcase
from typing import Any

import numpy as np

from evals.load.records import Record
from evals.load.report import REJECTIONS

#: A request under way for longer than this counts with the age that it has: a stall shows before it ends.
OVERDUE_S = 1.0


def rolling(
    records: Sequence[Record], under_way_s: Iterable[float], *, now_s: float, window_s: float
) -> dict[str, Any]:
    """Figures of what ended within the window; a share or time that nothing was measured for is None.

    Args:
        records: in the order of their ends.
        under_way_s: ages of the requests that have not ended.
        now_s: on the clock of the records.
        window_s: how far back an end counts.
    """
    ended = list(_recent(records, now_s - window_s))
    answers = [record for record in ended if record.error is None]
    refused = sum(record.error in REJECTIONS for record in ended)
    overdue_s = [age_s for age_s in under_way_s if age_s > OVERDUE_S]
    times_s = [record.e2e_s for record in answers] + overdue_s
    full = sum(not record.degraded for record in answers)
    return {
        "ended": len(ended),
        "availability": _share(len(answers), len(ended)),
        "availability_of_admitted": _share(len(answers), len(ended) - refused),
        "p95_ms": float(np.percentile(times_s, 95)) * 1e3 if times_s else None,
        "answered_rps": len(answers) / window_s,
        "goodput_rps": full / window_s,
        "degraded_share": _share(len(answers) - full, len(answers)),
        "labels": dict(Counter(itertools.chain.from_iterable(record.degraded for record in answers))),
        "errors": dict(Counter(record.error for record in ended if record.error)),
        "overdue": len(overdue_s),
    }


def unlabelled(records: Sequence[Record], expected: Sequence[str], *, on_s: float, off_s: float) -> int:
    """Answers that were asked for and given while the fault lasted, with none of the expected labels.

    Args:
        records: of the whole load, in the order of their ends.
        expected: patterns of labels, as "shards:*"; without any nothing can be missing.
        on_s: when the fault was in place, on the clock of the records.
        off_s: when its end began.
    """
    if not expected:
        return 0
    return sum(
        record.error is None
        and on_s <= record.intended_s
        and record.intended_s + record.e2e_s <= off_s
        and not any(fnmatchcase(label, pattern) for label in record.degraded for pattern in expected)
        for record in _recent(records, on_s)
    )


def _recent(records: Sequence[Record], since_s: float) -> Iterator[Record]:
    return itertools.takewhile(lambda record: record.intended_s + record.e2e_s >= since_s, reversed(records))


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None
