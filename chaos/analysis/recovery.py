"""How long the service took to be what it was before."""

from __future__ import annotations

import math

import numpy as np

from chaos.analysis.phases import Span
from chaos.analysis.requests import Requests

#: Goodput is looked at over windows of so many seconds, one beginning each second.
SMOOTHED_S = 3
#: Share of the baseline's goodput from which on the service has recovered.
BACK_AT = 0.95


def whole_share(requests: Requests, deadline_s: float) -> float:
    """Share of the requests with an undegraded answer in time; NaN of none.

    As a share of what was asked it is the goodput without the scatter of the arrivals, which is not the service's
    doing: of 60 Poisson arrivals in three seconds, the count alone would miss 95 % in one window of three.
    """
    whole = requests.good(deadline_s) & ~requests.degraded
    return float(whole.mean()) if len(requests) else math.nan


def recovery_s(requests: Requests, baseline: Requests, after: Span, deadline_s: float) -> float:
    """Seconds from the fault's end until undegraded goodput stays at `BACK_AT` of the baseline's; inf: it never does.

    Args:
        requests: of the whole run.
        baseline: those of them before the fault.
        after: from the fault's end to the run's.
        deadline_s: what a good answer takes at most.

    Returns:
        Whole seconds; the true moment lies within a second before.
    """
    needed = BACK_AT * whole_share(baseline, deadline_s)
    starts = range(max(1, math.floor(after.seconds + 1e-9) - SMOOTHED_S + 1))
    low = [second for second in starts if _share_from(requests, after.start_s + second, deadline_s) < needed]
    if not low:
        return 0.0
    back = low[-1] + 1
    return float(back) if back in starts else math.inf


def last_degraded_s(requests: Requests, after: Span) -> float:
    """Seconds from the fault's end to the asking of the last request whose answer is degraded; 0 without any."""
    asked_s = requests.asked_within(after.start_s, after.end_s)
    late = asked_s.asked_s[asked_s.degraded]
    return float(np.max(late) - after.start_s) if late.size else 0.0


def _share_from(requests: Requests, start_s: float, deadline_s: float) -> float:
    return whole_share(requests.asked_within(start_s, start_s + SMOOTHED_S), deadline_s)
