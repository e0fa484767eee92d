"""Which colour and dash a run has, the same in every plot of its kind."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import cycle

from evals.pages.found import Found

#: Of the page's palette.
STYLES = (1, 2, 3, 4, 5, 6)
#: Latencies that spread wider get a logarithmic axis.
WIDE_SPREAD = 20.0


def styled(found: Sequence[Found]) -> list[tuple[int, Found]]:
    """Each run with its style; past the last one they begin again."""
    return list(zip(cycle(STYLES), found, strict=False))
