"""Figures of load runs, as a service of a known capacity would give them."""

import pytest


@pytest.fixture
def figures():
    """Rate -> the summary of a run against a service that answers up to 50/s in 0.1 s, and is late past it."""

    def at(rate_rps, requests=1_000):
        load = min(rate_rps / 50, 0.999)
        late = rate_rps > 50
        p50 = 100 / (1 - load) if load < 0.9 else 2_000.0
        good = requests // 2 if late else requests
        return {
            "requests": requests,
            "good": good,
            "achieved_rps": min(rate_rps, 50.0),
            "goodput_rps": rate_rps * good / max(1, requests),
            "errors": 0,
            "ttft_ms": {"p50": p50 / 2, "p99": p50},
            "e2e_ms": {"p50": p50, "p99": p50 * 2},
            "invalid_reasons": [],
            "interrupted": False,
        }

    return at
