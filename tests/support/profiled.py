"""A measured run and a price list, made up so that every figure can be worked out by hand."""

from evals.load.records import Record
from evals.planner.prices import Part


def answer(kind, number=0, **others):
    """An answer of 10 ms of API time; a miss embeds 2 ms, searches 8 ms and generates 100 or 400 ms."""
    if kind in {"exact", "semantic"}:
        stages = {"total": 9.0}
    else:
        generate = {"small": 100.0, "large": 400.0}[kind]
        stages = {"embed": 2.0, "retrieve": 8.0, "route": 1.0, "generate": generate, "total": 9.0 + 10.0 + generate}
    e2e_s = (stages["total"] + 1.0) / 1e3
    verdict = kind if kind in {"exact", "semantic"} else "miss"
    told = {"verdict": verdict, "model": f"the-{kind}", "timings_ms": stages, "e2e_s": e2e_s, "ttft_s": e2e_s - 0.05}
    return Record(f"{kind}-{number}", 0.0, 0.0, **{**told, **others})


RECORDS = [answer(kind, n) for kind, many in {"exact": 4, "small": 4, "large": 2}.items() for n in range(many)]


def part(price, **others):
    return Part(price_per_hour=price, **others)


PARTS = {
    "api": part(0.1),
    "embedder": part(0.1, batch=8, shared=0.5),
    "index": part(0.2, at_once=4),
    "small": part(1.0, at_once=4, model="the-small"),
    "large": part(4.0, at_once=4, model="the-large", unquantised=1.5),
}
