"""What each stage took of a request for itself: parts that add up to the whole."""

from __future__ import annotations

from collections.abc import Mapping

from evals.load.records import Record

#: In the order of a request. "outside" is what the service does not see: its door, the wire, the client; "other" is
#: what it spends between the stages: the cache's decision, a place in the line, the prompt, the citations.
STAGES = ("outside", "other", "contextualize", "embed", "retrieve", "route", "generate")


def own_s(record: Record) -> Mapping[str, float]:
    """Seconds of each of `STAGES` for itself; together they are the request's end-to-end time.

    Embedding runs inside retrieval where no stored answer needed the vector first. What the stages took together beyond
    the service's total they took at the same time, and it is retrieval's to give back.
    """
    spent = {name: record.timings_ms.get(name, 0.0) / 1e3 for name in STAGES[2:]}
    total_s = record.timings_ms.get("total", 0.0) / 1e3
    between_s = total_s - sum(spent.values())
    spent["retrieve"] = max(0.0, spent["retrieve"] + min(0.0, between_s))
    outside_s = max(0.0, record.e2e_s - total_s)
    return {"outside": outside_s, "other": max(0.0, record.e2e_s - outside_s - sum(spent.values())), **spent}
