"""What a plan takes for granted, in plain words: whoever bets on its figures is to know what they rest on."""

from __future__ import annotations

from collections.abc import Iterator

from evals.planner.prices import MODELS, Part, Prices, Repetition
from evals.planner.workload import Workload
from evals.report.axes import number
from evals.report.words import seconds, share


def assumptions(workload: Workload, prices: Prices) -> list[str]:
    """Sentences: of the profile and the arrivals, of the cache, of each part that is priced, of what is left out.

    Args:
        workload: what is asked today.
        prices: of the parts.
    """
    return [
        *_profile(workload),
        _cache(workload.hits, prices.questions),
        *(sentence for name, part in prices.parts.items() for sentence in _part(name, part, prices.currency)),
        "Replicas of a part share one line, as behind a balancer that knows who is idle. They are cut down part by "
        "part, the dearest first: a good deployment, though not certainly the cheapest of all.",
        "Nothing fails, is refused, is tried again or scales by itself; the time between tokens is not simulated.",
        "Prices are the same for any number of replicas. What is not in the list, as disks and traffic, costs nothing.",
    ]


def _profile(workload: Workload) -> Iterator[str]:
    kinds = ", ".join(f"{share(part)} {kind}" for kind, part in workload.shares.items())
    yield (
        f"Every request is one of the {sum(map(len, workload.requests.values())):,} of the profile, drawn by chance: "
        f"{kinds}. Nobody waited when it was taken: waiting there counts as work."
    )
    yield "Requests arrive at random (Poisson), at the same rate all the time: plan for the peak, not for the mean."
    yield "Seconds between the stages are work of the API up to the median of their kind; the rest is nobody's work."
    if workload.shares.keys() >= set(MODELS):
        yield "Without routing the large model answers everything, as fast as what it was asked in the profile."


def _cache(hits: float, questions: Repetition | None) -> str:
    if questions is None or not hits:
        return f"The cache answers {share(hits)} of the requests at any load."
    return (
        f"The cache keeps each answer for {seconds(questions.ttl_s)}. How often questions are asked follows Zipf's law "
        f"with the exponent {number(questions.zipf)}, and there are as many as make it answer {share(hits)} today. "
        "Of the rest each model answers the same part as today."
    )


def _part(name: str, part: Part, currency: str) -> Iterator[str]:
    """What the price list says of a part, but for what it leaves as it is."""
    at_once = f"{part.at_once} at once, each as fast as in the profile" if part.at_once > 1 else "one at a time"
    least = f"; {part.least} stand there in any case" if part.least > 1 else ""
    yield f"A replica of {name} costs {number(part.price_per_hour)} {currency} an hour and serves {at_once}{least}."
    if part.batch > 1:
        yield f"A run of {name} takes up to {part.batch} visits; {share(part.shared)} of a visit's time it spends once."
    if part.service_ms:
        yield f"A visit to {name} takes {number(part.service_ms)} ms, by the list and not as measured."
    if part.unquantised > 1:
        yield f"Without quantisation {name} takes {number(part.unquantised)} times as long."
