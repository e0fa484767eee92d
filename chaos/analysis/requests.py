"""The requests of a run as columns, which everything here counts over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from fnmatch import fnmatchcase
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from evals.load.report import REJECTIONS

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Requests:
    """One entry a request in each column.

    Attributes:
        asked_s: when it was to be sent, on the run's clock.
        took_s: from then to the last byte, or to the failure.
        error: "" for an answer, else its class; see `evals.load.reply.Reply.error`.
        refused: a 429 or 503 with Retry-After: an honest refusal.
        labels: what the answer says it had to do without.
    """

    asked_s: Floats
    took_s: Floats
    error: NDArray[np.str_]
    refused: Bools
    labels: NDArray[np.object_]

    @classmethod
    def of(cls, rows: Iterable[Mapping[str, Any]]) -> Self:
        """The columns of rows that `evals.load.records.Record.row` made, in the order of asking."""
        rows = sorted(rows, key=lambda row: float(row["intended_s"]))
        labels = np.empty(len(rows), dtype=np.object_)
        labels[:] = [frozenset(row["degraded"] or ()) for row in rows]
        return cls(
            asked_s=np.array([row["intended_s"] for row in rows], dtype=np.float64),
            took_s=np.array([row["e2e_s"] for row in rows], dtype=np.float64),
            error=np.array([row["error"] or "" for row in rows], dtype=np.str_),
            refused=np.array([row["error"] in REJECTIONS and row["retry_after"] is not None for row in rows], np.bool_),
            labels=labels,
        )

    def __len__(self) -> int:
        """How many."""
        return len(self.asked_s)

    def __getitem__(self, chosen: Bools) -> Requests:
        """Those of a mask."""
        return Requests(*(getattr(self, column.name)[chosen] for column in fields(self)))

    @property
    def answered(self) -> Bools:
        """Which were answered."""
        return np.asarray(self.error == "", dtype=np.bool_)

    @property
    def ended_s(self) -> Floats:
        """When each was over."""
        return self.asked_s + self.took_s

    @property
    def degraded(self) -> Bools:
        """Which answers carry a label."""
        return self.answered & np.array([bool(labels) for labels in self.labels], dtype=np.bool_)

    def labelled(self, patterns: Sequence[str]) -> Bools:
        """Which carry a label of one of the patterns, as "dense-unavailable" or "shards:*"."""
        return np.array([_matches(labels, patterns) for labels in self.labels], dtype=np.bool_)

    def asked_within(self, start_s: float, end_s: float) -> Requests:
        """Those that were to be sent from `start_s` on and before `end_s`."""
        return self[(self.asked_s >= start_s) & (self.asked_s < end_s)]

    def good(self, deadline_s: float) -> Bools:
        """Which were answered within the deadline."""
        return self.answered & (self.took_s <= deadline_s)

    def percentile_ms(self, q: float) -> float | None:
        """Of the answers' times; None without answers."""
        took_s = self.took_s[self.answered]
        return float(np.percentile(took_s, q)) * 1e3 if took_s.size else None

    def count_labels(self) -> dict[str, int]:
        """Answers by label, the most frequent first."""
        return dict(Counter(label for labels in self.labels[self.answered] for label in sorted(labels)).most_common())

    def count_errors(self) -> dict[str, int]:
        """Errors by class, the most frequent first."""
        return dict(Counter(str(error) for error in self.error if error).most_common())


def _matches(labels: Iterable[str], patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(label, pattern) for label in labels for pattern in patterns)
