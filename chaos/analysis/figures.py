"""The figures of one run: what its verdict rests on, and what its report shows."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from chaos.analysis.phases import (
    BASELINE,
    FAULT,
    RECOVERY,
    Event,
    Span,
    fault_window,
    last_opening,
    openings,
    phases,
)
from chaos.analysis.recovery import last_degraded_s, recovery_s
from chaos.analysis.requests import Requests
from chaos.analysis.verdict import judge

#: Percentiles of the answers' times that each phase tells.
PERCENTILES = (50, 95, 99)


def analyse(
    rows: Iterable[Mapping[str, Any]],
    events: Iterable[Event],
    config: Mapping[str, Any],
    *,
    deviated: bool = False,
    quality: Mapping[str, Any] | None = None,
    invalid: Sequence[str] = (),
) -> dict[str, Any]:
    """The figures of a recorded run, verdict and reasons included.

    Args:
        rows: of `requests.parquet`.
        events: of `events.json`.
        config: of `run.json`: `name seed phases deadline_s expected_labels targets`, and where they are given
            `affected` ("all" requests meet the fault, or "some"), `fault` with the `parameter` that is its strength
            and the `value`, and among the targets `shedding` (refusals are expected).
        deviated: whether the journal says that the steady state was left.
        quality: of `quality.json`.
        invalid: why the run says more of the generator than of the service; see `evals.load.report.invalidity`.

    Returns:
        JSON in all but infinite times. Latencies run from the intended send time. What was not measured is None.
    """
    events, requests, spans = list(events), Requests.of(rows), phases(config)
    window, deadline_s = fault_window(events, spans[FAULT]), float(config["deadline_s"])
    parts = by_phase(requests, spans, window)
    opened = openings(events, window)
    figures: dict[str, Any] = {
        "experiment": config["name"],
        "seed": config.get("seed"),
        "deviated": deviated,
        "requests": len(requests),
        **_availability(requests, shedding=bool(config["targets"].get("shedding", False))),
        **_latency(parts, window, opened),
        "unlabelled_degraded": unlabelled(requests, window, config),
        "over_deadline": int((requests.took_s > deadline_s).sum()),
        "time_to_open_s": min(opened.values()) - window.start_s if opened else None,
        "breakers_opened": {name: at_s - window.start_s for name, at_s in opened.items()},
        **_recovery(requests, parts, window, spans, deadline_s),
        "fault_s": window.seconds,
        "phases": {name: _phase(part, spans[name], deadline_s) for name, part in parts.items()},
        "quality": quality,
    }
    baseline_rps, fault_rps = (figures["phases"][name]["goodput_share"] for name in (BASELINE, FAULT))
    figures["goodput_ratio"] = _ratio(fault_rps, baseline_rps)
    verdict, reasons = judge(figures, config["targets"], invalid=[*_empty(parts), *invalid])
    return {"verdict": verdict, "reasons": reasons, **figures}


def by_phase(requests: Requests, spans: Mapping[str, Span], window: Span) -> dict[str, Requests]:
    """The requests of each phase, by when they were to be sent; whom the fault still met is not of the baseline."""
    asked_s, before = requests.asked_s, requests.ended_s <= window.start_s
    within = {name: (asked_s >= span.start_s) & (asked_s < span.end_s) for name, span in spans.items()}
    within[FAULT] |= within[BASELINE] & ~before
    within[BASELINE] &= before
    return {name: requests[chosen] for name, chosen in within.items()}


def unlabelled(requests: Requests, window: Span, config: Mapping[str, Any]) -> int:
    """Answers that the fault reached and that bear none of the expected labels.

    A request counts that began and ended within the window. One that took longer than the fault delays may have waited
    it out and be whole. Where the fault reaches some requests, nobody but the label says which: then an answer without
    label is taken for one that was not reached, unless no answer at all is labelled, which shows that the labels or the
    fault were missing.
    """
    expected = config.get("expected_labels") or []
    inside = requests[requests.answered & (requests.asked_s >= window.start_s) & (requests.ended_s <= window.end_s)]
    labelled = inside.labelled(expected)
    if not expected or (labelled.any() and config.get("affected", "all") == "some"):
        return 0
    return int((~labelled & (inside.took_s < _delay_s(config))).sum())


def _delay_s(config: Mapping[str, Any]) -> float:
    """What the fault delays by, where its strength is a time; else nobody waits it out."""
    fault = config.get("fault") or {}
    match str(fault.get("parameter", "")).rpartition("_")[-1]:
        case "ms":
            return float(fault["value"]) / 1e3
        case "s":
            return float(fault["value"])
    return math.inf


def _availability(requests: Requests, *, shedding: bool) -> dict[str, Any]:
    """Share of the requests that were answered; of the admitted ones where refusals are expected."""
    answered, refused = int(requests.answered.sum()), int(requests.refused.sum())
    admitted = len(requests) - (refused if shedding else 0)
    return {
        "answered": answered,
        "refused": refused,
        "failed": len(requests) - answered - refused,
        "availability": answered / admitted if admitted else None,
        "errors_by_class": requests.count_errors(),
    }


def _latency(parts: Mapping[str, Requests], window: Span, opened: Mapping[str, float]) -> dict[str, Any]:
    """Percentiles under the fault over those before it, once the last breaker that opened has opened."""
    since_s = last_opening(opened) if opened else window.start_s
    steady, baseline = parts[FAULT].asked_within(since_s, window.end_s), parts[BASELINE]
    until = parts[FAULT].asked_within(window.start_s, since_s)
    return {
        **{f"p{q}_ratio": _ratio(steady.percentile_ms(q), baseline.percentile_ms(q)) for q in PERCENTILES},
        **{f"p{q}_baseline_ms": baseline.percentile_ms(q) for q in PERCENTILES},
        **{f"p{q}_opening_ms": until.percentile_ms(q) for q in PERCENTILES},
        **{f"p{q}_open_ms": steady.percentile_ms(q) for q in PERCENTILES},
    }


def _recovery(
    requests: Requests, parts: Mapping[str, Requests], window: Span, spans: Mapping[str, Span], deadline_s: float
) -> dict[str, float]:
    after = Span(window.end_s, spans[RECOVERY].end_s)
    return {
        "recovery_s": recovery_s(requests, parts[BASELINE], after, deadline_s),
        "last_degraded_s": last_degraded_s(requests, after),
    }


def _phase(part: Requests, span: Span, deadline_s: float) -> dict[str, Any]:
    good, answered = int(part.good(deadline_s).sum()), int(part.answered.sum())
    return {
        "seconds": span.seconds,
        "requests": len(part),
        "answered": answered,
        "refused": int(part.refused.sum()),
        "failed": len(part) - answered - int(part.refused.sum()),
        "over_deadline": int((part.took_s > deadline_s).sum()),
        "degraded": int(part.degraded.sum()),
        "goodput_rps": good / span.seconds if span.seconds else None,
        "goodput_share": good / len(part) if len(part) else None,
        **{f"p{q}_ms": part.percentile_ms(q) for q in PERCENTILES},
        "labels": part.count_labels(),
        "errors": part.count_errors(),
    }


def _empty(parts: Mapping[str, Requests]) -> list[str]:
    return [f"nothing was asked in the phase {name}" for name, part in parts.items() if not len(part)]


def _ratio(value: float | None, over: float | None) -> float | None:
    return value / over if value is not None and over else None
