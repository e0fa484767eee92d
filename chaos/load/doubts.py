"""Whether the figures of a load are the service's."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from evals.load.records import Record

#: Load, proxy and lab share a machine's cores, so that the load is often late. Latencies run from the intended send
#: time: that makes figures worse, never better, and so spoils no verdict that is "pass" before it is as large as this.
MAX_LAG_P99_MS = 50.0


def doubts(records: Sequence[Record]) -> list[str]:
    """Why the figures say more of the load than of the service; empty where they do not."""
    sent = [record for record in records if record.error != "not_sent"]
    if not sent:
        return ["nothing was sent"]
    lag_ms = float(np.percentile([record.lag_s for record in sent], 99)) * 1e3
    checks = {
        f"schedule lag p99 {lag_ms:.0f} ms > {MAX_LAG_P99_MS:g} ms": lag_ms > MAX_LAG_P99_MS,
        f"{len(records) - len(sent)} requests not sent: too many in flight": len(sent) < len(records),
    }
    return [reason for reason, holds in checks.items() if holds]
