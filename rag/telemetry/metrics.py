"""Prometheus metrics; the only module that knows the client library."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from cache.types import Verdict
from rag.access.limiter import UNAVAILABLE, Admission
from rag.access.limits import POLICIES, UNITS, Unit
from rag.pipeline.request import Answer, Ask
from rag.resilience.events import (
    BreakerChanged,
    BreakerState,
    CallFinished,
    CallRejected,
    LimitChanged,
    ResilienceEvent,
    Retried,
    RetryBudgetExhausted,
    Shed,
)
from rag.resilience.guards import Guards
from rag.settings import AllowanceSettings, QuotaSettings

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
COSINES = (0.6, 0.7, 0.8, 0.85, 0.9, 0.92, 0.94, 0.96, 0.98, 1)
GAINS = tuple(tenths / 10 for tenths in range(-5, 10))
AGES_S = (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800)
#: In the order of the numbers that the gauge shows.
BREAKER_STATES: tuple[BreakerState, ...] = ("closed", "half-open", "open")
#: Of a quota; a budget may be overdrawn by the answers that were under way.
SHARES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 1, 1.1, 1.5)
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


class Metrics:
    """What one process counts. Question text never becomes a label."""

    def __init__(self) -> None:
        registry = self._registry = CollectorRegistry()
        self._requests = Counter(
            "steadyrag_requests", "HTTP requests by route and status.", ["route", "status"], registry=registry
        )
        self._seconds = Histogram(
            "steadyrag_request_seconds", "HTTP request duration.", ["route"], buckets=SECONDS, registry=registry
        )
        self._answers = Counter(
            "steadyrag_answers",
            "Answers by cache verdict, model and outcome.",
            ["cache", "model", "answered"],
            registry=registry,
        )
        self._degraded = Counter(
            "steadyrag_degraded_answers", "Answers that were not as they should be.", ["label"], registry=registry
        )
        self._stages = Histogram(
            "steadyrag_stage_seconds", "Duration of each stage.", ["stage"], buckets=SECONDS, registry=registry
        )
        self._decisions = Counter(
            "steadyrag_cache_decisions", "What the cache said, and why.", ["verdict", "reason"], registry=registry
        )
        self._similarity = Histogram(
            "steadyrag_cache_similarity",
            "Cosine between question and stored question of answers served for similar questions.",
            buckets=COSINES,
            registry=registry,
        )
        self._age = Histogram(
            "steadyrag_cache_age_seconds",
            "Age of the stored answers that were served.",
            ["verdict"],
            buckets=AGES_S,
            registry=registry,
        )
        self._routing = _Routing(registry)
        self._tokens = Counter("steadyrag_tokens", "Tokens by model and kind.", ["model", "kind"], registry=registry)
        self._calls = Counter(
            "steadyrag_calls", "Guarded calls to a dependency by outcome.", ["name", "outcome"], registry=registry
        )
        self._refused = Counter(
            "steadyrag_calls_refused", "Calls that an open breaker let not through.", ["name"], registry=registry
        )
        self._breaker = Gauge("steadyrag_breaker_state", "0 closed, 1 half-open, 2 open.", ["name"], registry=registry)
        self._shed = Counter(
            "steadyrag_shed", "Callers turned away for load.", ["name", "priority", "reason"], registry=registry
        )
        self._limit = Gauge("steadyrag_limit", "Calls allowed at once.", ["name"], registry=registry)
        self._retries = Counter("steadyrag_retries", "Attempts beyond the first.", ["name"], registry=registry)
        self._no_retries = Counter(
            "steadyrag_retry_budget_exhausted", "Retries that the budget forbade.", ["name"], registry=registry
        )
        self._limits = _Limits(registry)
        self.in_flight = Gauge("steadyrag_requests_in_flight", "Requests being worked on.", registry=registry)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Export a gauge whose value is asked for at each scrape."""
        Gauge(name, text, registry=self._registry).set_function(value)

    def model(self, tier: str, model: str, version: str, share: float) -> None:
        """Export which share of the users of a tier a model has, 0 to 1."""
        self._routing.shares.labels(tier, model, version).set(share)

    def guards(self, guards: Guards) -> None:
        """Export every guard as it stands, so that what becomes of it is seen from the first event on."""
        for breaker in guards.breakers():
            self._breaker.labels(breaker.name).set(BREAKER_STATES.index(breaker.state))
            for counter in (self._refused, self._retries, self._no_retries):
                counter.labels(breaker.name)
        for limiter in guards.limiters():
            self._limit.labels(limiter.name).set(limiter.limit)

    def request(self, route: str, status: int, seconds: float) -> None:
        """Count a finished HTTP request."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def admission(self, admission: Admission) -> None:
        """Count what a request was told at the door."""
        self._limits.admission(admission)

    def allowances(self, quotas: QuotaSettings) -> None:
        """Export what every key and every tenant may take."""
        self._limits.allowances(quotas)

    def answer(self, _ask: Ask, answer: Answer) -> None:
        """Count an answer; fits the pipeline's observer."""
        said = answer.cache
        self._decisions.labels(said.verdict, said.reason).inc()
        if said.similarity is not None and said.verdict == Verdict.SEMANTIC:
            self._similarity.observe(said.similarity)
        if said.age_s is not None:
            self._age.labels(said.verdict).observe(said.age_s)
        self._answers.labels(answer.cache.verdict, answer.route.model, str(answer.answered).lower()).inc()
        for label in answer.degraded:
            self._degraded.labels(label).inc()
        for stage, milliseconds in answer.timings_ms.items():
            self._stages.labels(stage).observe(milliseconds / 1e3)
        self._routing.answer(answer)
        if said.similarity is None:
            self._tokens.labels(answer.route.model, "prompt").inc(answer.usage.prompt_tokens)
            self._tokens.labels(answer.route.model, "completion").inc(answer.usage.completion_tokens)

    def event(self, event: ResilienceEvent) -> None:
        """Count what the protections did; fits their observer."""
        match event:
            case CallFinished(name=name, outcome=outcome):
                self._calls.labels(name, outcome).inc()
            case CallRejected(name=name):
                self._refused.labels(name).inc()
            case BreakerChanged(name=name, new=state):
                self._breaker.labels(name).set(BREAKER_STATES.index(state))
            case Shed(name=name, priority=priority, reason=reason):
                self._shed.labels(name, priority, reason).inc()
            case LimitChanged(name=name, new=limit):
                self._limit.labels(name).set(limit)
            case Retried(name=name):
                self._retries.labels(name).inc()
            case RetryBudgetExhausted(name=name):
                self._no_retries.labels(name).inc()

    def render(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


class _Limits:
    """How far callers are from their limits, and who was turned away."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._quota = Gauge(
            "steadyrag_limit_quota", "What every key or tenant may take.", ["policy"], registry=registry
        )
        self._used = Histogram(
            "steadyrag_limit_used_share",
            "Share of its quota that a caller had used when it came.",
            ["policy"],
            buckets=SHARES,
            registry=registry,
        )
        self._refused = Counter(
            "steadyrag_limit_refusals", "Requests that were turned away, by policy.", ["reason"], registry=registry
        )
        self._unchecked = Counter(
            "steadyrag_limit_unchecked", "Requests let in without the store of the limits.", registry=registry
        )
        for reason in (*POLICIES, UNAVAILABLE):
            self._refused.labels(reason)

    def allowances(self, quotas: QuotaSettings) -> None:
        """What holds for those who have no allowance of their own; the uses of all limits that bind anybody."""
        for bound, common, own in (("key", quotas.key, quotas.keys), ("tenant", quotas.tenant, quotas.tenants)):
            for unit, amount in _amounts(common):
                self._quota.labels(f"{bound}-{unit}").set(amount)
            for unit, _ in chain.from_iterable(map(_amounts, (common, *own.values()))):
                self._used.labels(f"{bound}-{unit}")

    def admission(self, admission: Admission) -> None:
        """Count how its limits stood, and how it ended."""
        for standing in admission.standings:
            self._used.labels(standing.limit.policy).observe(standing.used / standing.limit.quota)
        if admission.error is not None:
            self._refused.labels(admission.reason).inc()
        if admission.degraded:
            self._unchecked.inc()


def _amounts(allowance: AllowanceSettings) -> list[tuple[Unit, float]]:
    """What is bounded, and by how much."""
    amounts = zip(UNITS, (allowance.requests, allowance.tokens_a_day, allowance.cost_a_day), strict=True)
    return [(unit, amount) for unit, amount in amounts if amount is not None]


class _Routing:
    """Which models were chosen, and what they cost."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._choices = Counter(
            "steadyrag_routes", "Choices of a model by tier and what settled them.", ["tier", "rule"], registry=registry
        )
        self._gain = Histogram(
            "steadyrag_route_score", "Gain expected of the large model.", buckets=GAINS, registry=registry
        )
        self._cost = Counter("steadyrag_cost", "Cost of the answers by model.", ["model"], registry=registry)
        self._saved = Counter(
            "steadyrag_cost_saved", "Cost of the answers that the cache gave again.", registry=registry
        )
        self.shares = Gauge(
            "steadyrag_model_users",
            "Share of the users of a tier that gets a model.",
            ["tier", "model", "version"],
            registry=registry,
        )

    def answer(self, answer: Answer) -> None:
        """Count an answer; a stored one was not routed, and cost nothing."""
        self._saved.inc(answer.cost.saved)
        if answer.cache.similarity is not None:
            return
        self._choices.labels(answer.route.tier, answer.route.rule).inc()
        self._cost.labels(answer.route.model).inc(answer.cost.amount)
        if answer.route.score is not None:
            self._gain.observe(answer.route.score)
