"""From the records of a run to its figures.

Latencies are those of answers; errors have none worth averaging, but each is a miss in the goodput, which is the rate
of requests that met the objective (Zhong et al., "DistServe", OSDI 2024).
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np

from evals.load.generator import LoadRun
from evals.load.records import Record
from evals.load.savings import costs
from evals.load.slo import Slo

PERCENTILES = (50, 90, 95, 99)

#: Beyond these a generator measures itself.
MAX_LAG_P99_MS = 5.0
MAX_CPU = 0.8

#: Refusals by a server that protects itself.
REJECTIONS = frozenset({"http_429", "http_503"})

#: Counted even where there were none.
VERDICTS = ("exact", "semantic", "miss")

Percentiles = dict[str, float | None]


def summary(run: LoadRun, slo: Slo) -> dict[str, Any]:
    """The figures of `steadyrag eval latency`; a time that nothing was measured for is None.

    Rates are over the window, or up to the last such answer where that came later: a server that falls behind shows
    the rate that it kept up, not the one that it was offered.
    """
    answers = [record for record in run.records if record.error is None]
    good = [record for record in answers if slo.met_by(record)]
    rejected = [record for record in run.records if record.error in REJECTIONS]
    invalid = invalidity(run)
    return {
        "requests": len(run.records),
        "window_s": run.window_s,
        "offered_rps": len(run.records) / run.window_s,
        "achieved_rps": _rate(answers, run.window_s),
        "goodput_rps": _rate(good, run.window_s),
        "good": len(good),
        "errors": len(run.records) - len(answers),
        "errors_by_class": dict(Counter(record.error for record in run.records if record.error)),
        **_latencies(answers),
        "stages_ms": _stages(answers),
        "schedule_lag_p99_ms": _lag_p99_ms(run),
        "cpu": run.cpu,
        "interrupted": run.interrupted,
        "valid": not invalid,
        "invalid_reasons": invalid,
        "cache": dict.fromkeys(VERDICTS, 0) | Counter(record.verdict for record in answers if record.verdict),
        "degraded": sum(bool(record.degraded) for record in answers),
        "degraded_by_label": dict(Counter(itertools.chain.from_iterable(record.degraded for record in answers))),
        "cost": costs(answers),
        "rejected": {
            "n": len(rejected),
            "with_retry_after": sum(record.retry_after is not None for record in rejected),
            "e2e_ms": _percentiles_ms(record.e2e_s for record in rejected),
        },
        "by_verdict": _by(run.records, slo, lambda record: record.verdict),
        "by_model": _by(run.records, slo, lambda record: record.model),
        "by_rung": _by(answers, slo, lambda record: record.rung),
        "timeline": timeline(run.records, slo),
    }


def invalidity(run: LoadRun) -> list[str]:
    """Why the run says more of the generator than of the server; empty for a valid run."""
    lag_ms = _lag_p99_ms(run)
    not_sent = sum(record.error == "not_sent" for record in run.records)
    checks = {
        "nothing was sent": len(run.records) == not_sent,
        f"schedule lag p99 {lag_ms or 0:.1f} ms > {MAX_LAG_P99_MS:g} ms": (lag_ms or 0) > MAX_LAG_P99_MS,
        f"generator CPU {run.cpu:.0%} > {MAX_CPU:.0%} of one core": run.cpu > MAX_CPU,
        f"{not_sent} requests not sent: too many in flight": not_sent > 0,
        "stopped before its end": run.interrupted,
    }
    return [reason for reason, holds in checks.items() if holds]


def timeline(records: Iterable[Record], slo: Slo) -> list[dict[str, Any]]:
    """One entry for each second in which requests were to be sent."""
    seconds: dict[int, list[Record]] = {}
    for record in records:
        seconds.setdefault(int(record.intended_s), []).append(record)
    return [{"second": second, **_group(group, slo)} for second, group in sorted(seconds.items())]


def _by(records: Iterable[Record], slo: Slo, key: Callable[[Record], str | None]) -> dict[str, Any]:
    groups: dict[str, list[Record]] = {}
    for record in records:
        if (name := key(record)) is not None:
            groups.setdefault(name, []).append(record)
    return {name: _group(group, slo) for name, group in sorted(groups.items())}


def _group(records: Sequence[Record], slo: Slo) -> dict[str, Any]:
    answers = [record for record in records if record.error is None]
    good = sum(slo.met_by(record) for record in answers)
    return {"requests": len(records), "errors": len(records) - len(answers), "good": good, **_latencies(answers)}


def _latencies(answers: Sequence[Record]) -> dict[str, Percentiles]:
    return {
        "ttft_ms": _percentiles_ms(record.ttft_s for record in answers if record.ttft_s is not None),
        "itl_ms": _percentiles_ms(itertools.chain.from_iterable(record.itl_s for record in answers)),
        "e2e_ms": _percentiles_ms(record.e2e_s for record in answers),
    }


def _stages(answers: Sequence[Record]) -> dict[str, Percentiles]:
    names = sorted({stage for record in answers for stage in record.timings_ms})
    return {
        name: _percentiles_ms(record.timings_ms[name] / 1e3 for record in answers if name in record.timings_ms)
        for name in names
    }


def _percentiles_ms(seconds: Iterable[float]) -> Percentiles:
    values_ms = np.fromiter(seconds, dtype=np.float64) * 1e3
    if not values_ms.size:
        return {f"p{q}": None for q in PERCENTILES}
    return {f"p{q}": float(value) for q, value in zip(PERCENTILES, np.percentile(values_ms, PERCENTILES), strict=True)}


def _lag_p99_ms(run: LoadRun) -> float | None:
    return _percentiles_ms(record.lag_s for record in run.records)["p99"]


def _rate(records: Sequence[Record], window_s: float) -> float:
    last_s = max((record.intended_s + record.e2e_s for record in records), default=0.0)
    return len(records) / max(window_s, last_s)
