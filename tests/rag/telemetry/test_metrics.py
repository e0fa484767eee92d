from dataclasses import replace
from typing import get_args

import pytest

from cache.types import Verdict
from rag.access.limiter import Admission
from rag.access.limits import Limit, Standing
from rag.errors import LimitExceeded
from rag.pipeline.request import Answer, Ask, CacheOutcome, Cost
from rag.resilience.events import (
    BreakerChanged,
    CallFinished,
    CallRejected,
    LimitChanged,
    ResilienceEvent,
    Retried,
    RetryBudgetExhausted,
    Shed,
)
from rag.resilience.guards import Guards, Protections
from rag.settings import QuotaSettings
from rag.telemetry.metrics import CONTENT_TYPE, Metrics
from rag.types import ANONYMOUS, Deadline, RouteOutcome, Scope, Space
from router.types import Message, TokenUsage
from tests.support.clock import FakeClock

QUESTION = "the words of the question"
ASK = Ask(
    principal=ANONYMOUS,
    scope=Scope(Space("default", "default"), "steadyrag", ""),
    deadline=Deadline.after(30, FakeClock()),
    request_id="req_1",
    messages=(Message("user", QUESTION),),
)
ANSWER = Answer(
    text="the words of the answer",
    answered=True,
    citations=(),
    sources=(),
    finish_reason="stop",
    usage=TokenUsage(90, 7),
    cache=CacheOutcome(Verdict.MISS),
    route=RouteOutcome("small", "default"),
    timings_ms={"retrieve": 20.0, "total": 30.0},
)


@pytest.fixture
def metrics():
    return Metrics()


def samples(metrics):
    """Name and labels -> value of every sample."""
    lines = (line for line in metrics.render().decode().splitlines() if not line.startswith("#"))
    return {name: float(value) for name, _, value in (line.rpartition(" ") for line in lines)}


def test_requests_by_route_and_status(metrics):
    metrics.request("/v1/search", 200, 0.002)
    metrics.request("/v1/search", 503, 2.0)
    found = samples(metrics)
    assert found['steadyrag_requests_total{route="/v1/search",status="200"}'] == 1
    assert found['steadyrag_requests_total{route="/v1/search",status="503"}'] == 1
    assert found['steadyrag_request_seconds_sum{route="/v1/search"}'] == pytest.approx(2.002)
    assert found['steadyrag_request_seconds_bucket{le="0.0025",route="/v1/search"}'] == 1


def test_an_answer_counts_with_its_stages_and_tokens(metrics):
    metrics.answer(ASK, ANSWER)
    found = samples(metrics)
    assert found['steadyrag_answers_total{answered="true",cache="miss",model="small"}'] == 1
    assert found['steadyrag_stage_seconds_sum{stage="retrieve"}'] == pytest.approx(0.02)
    assert found['steadyrag_tokens_total{kind="prompt",model="small"}'] == 90
    assert found['steadyrag_tokens_total{kind="completion",model="small"}'] == 7


def test_a_hit_costs_no_tokens(metrics):
    metrics.answer(ASK, replace(ANSWER, cache=CacheOutcome(Verdict.EXACT, 1.0, 3.0)))
    found = samples(metrics)
    assert found['steadyrag_answers_total{answered="true",cache="exact",model="small"}'] == 1
    assert not [name for name in found if name.startswith("steadyrag_tokens_total")]


def test_a_routed_answer_counts_with_what_settled_it_and_what_it_cost(metrics):
    route = RouteOutcome("huge", "gain 0.600 >= 0.500", 0.6, "large", "score")
    metrics.answer(ASK, replace(ANSWER, route=route, cost=Cost(0.002)))
    found = samples(metrics)
    assert found['steadyrag_routes_total{rule="score",tier="large"}'] == 1
    assert found['steadyrag_cost_total{model="huge"}'] == 0.002
    assert found['steadyrag_route_score_bucket{le="0.5"}'] == 0
    assert found['steadyrag_route_score_bucket{le="0.6"}'] == 1


def test_a_stored_answer_saves_what_it_cost_and_was_not_routed(metrics):
    metrics.answer(ASK, replace(ANSWER, cache=CacheOutcome(Verdict.EXACT, 1.0, 3.0), cost=Cost(saved=0.002)))
    found = samples(metrics)
    assert found["steadyrag_cost_saved_total"] == 0.002
    assert not [name for name in found if name.startswith(("steadyrag_routes_total", "steadyrag_cost_total"))]


def test_models_are_exported_with_their_share_of_the_users(metrics):
    metrics.model("small", "qwen", "2.5", 0.9)
    assert samples(metrics)['steadyrag_model_users{model="qwen",tier="small",version="2.5"}'] == 0.9


def test_each_degraded_label_counts(metrics):
    metrics.answer(ASK, replace(ANSWER, answered=False, degraded=("shards:3/4", "stale-cache")))
    found = samples(metrics)
    assert found['steadyrag_degraded_answers_total{label="shards:3/4"}'] == 1
    assert found['steadyrag_degraded_answers_total{label="stale-cache"}'] == 1
    assert found['steadyrag_answers_total{answered="false",cache="miss",model="small"}'] == 1


def test_what_is_watched_is_asked_for_at_each_scrape(metrics):
    held = [1]
    metrics.watch("steadyrag_held", "Things held.", lambda: len(held))
    assert samples(metrics)["steadyrag_held"] == 1
    held.append(2)
    assert samples(metrics)["steadyrag_held"] == 2


def test_what_was_asked_and_answered_is_not_in_the_metrics(metrics):
    metrics.answer(ASK, ANSWER)
    assert b"words" not in metrics.render()


def test_two_services_in_one_process_count_apart(metrics):
    metrics.request("/", 200, 0.1)
    assert not [name for name in samples(Metrics()) if name.startswith("steadyrag_requests_total")]


def test_the_format_is_the_one_that_is_announced(metrics):
    assert CONTENT_TYPE.startswith("text/plain; version=0.0.4")
    assert b"# TYPE steadyrag_requests_total counter" in metrics.render()


@pytest.mark.parametrize(
    ("event", "sample", "value"),
    [
        (CallFinished("index:2", "timeout", 0.5), 'steadyrag_calls_total{name="index:2",outcome="timeout"}', 1),
        (CallRejected("index:2", "open"), 'steadyrag_calls_refused_total{name="index:2"}', 1),
        (BreakerChanged("store", "closed", "open", "failure-rate"), 'steadyrag_breaker_state{name="store"}', 2),
        (BreakerChanged("store", "open", "half-open", "probe-due"), 'steadyrag_breaker_state{name="store"}', 1),
        (
            Shed("answers", "batch", "queue-full"),
            'steadyrag_shed_total{name="answers",priority="batch",reason="queue-full"}',
            1,
        ),
        (LimitChanged("answers", 32, 40), 'steadyrag_limit{name="answers"}', 40),
        (Retried("store", 1, 0.1, "DependencyFailed"), 'steadyrag_retries_total{name="store"}', 1),
        (RetryBudgetExhausted("store"), 'steadyrag_retry_budget_exhausted_total{name="store"}', 1),
    ],
)
def test_each_event_of_the_protections_counts(metrics, event, sample, value):
    metrics.event(event)
    assert samples(metrics)[sample] == value


def test_there_is_a_sample_for_every_kind_of_event():
    tested = {CallFinished, CallRejected, BreakerChanged, Shed, LimitChanged, Retried, RetryBudgetExhausted}
    assert set(get_args(ResilienceEvent)) == tested


def test_limits_from_the_start_and_what_became_of_requests(metrics):
    before = samples(metrics)
    assert before['steadyrag_limit_refusals_total{reason="tenant-cost"}'] == 0
    assert before["steadyrag_limit_unchecked_total"] == 0
    quotas = QuotaSettings.model_validate({"key": {"requests": 60}, "tenant": {"cost_a_day": 2.5}})
    metrics.allowances(quotas)
    limit = Limit("red", "k1", "requests", 60, 60)
    metrics.admission(Admission([Standing(limit, 45, 0.0)], ("limits-unavailable",)))
    metrics.admission(Admission([Standing(limit, 60, 0.0)], error=LimitExceeded("x"), reason=limit.policy))
    found = samples(metrics)
    assert {name for name in found if name.startswith("steadyrag_limit_quota{")} == {
        'steadyrag_limit_quota{policy="key-requests"}',
        'steadyrag_limit_quota{policy="tenant-cost"}',
    }
    assert found['steadyrag_limit_quota{policy="key-requests"}'] == 60
    assert found['steadyrag_limit_quota{policy="tenant-cost"}'] == 2.5
    assert found['steadyrag_limit_used_share_bucket{le="0.75",policy="key-requests"}'] == 1
    assert found['steadyrag_limit_used_share_count{policy="tenant-cost"}'] == 0
    assert found['steadyrag_limit_refusals_total{reason="key-requests"}'] == 1
    assert found["steadyrag_limit_unchecked_total"] == 1


@pytest.mark.parametrize(
    ("quotas", "policy"),
    [({"keys": {"k1": {"tokens_a_day": 9}}}, "key-tokens"), ({"tenants": {"red": {"requests": 9}}}, "tenant-requests")],
)
def test_the_uses_of_a_limit_that_one_has_alone_are_told_from_the_start(metrics, quotas, policy):
    metrics.allowances(QuotaSettings.model_validate(quotas))
    found = samples(metrics)
    assert found[f'steadyrag_limit_used_share_count{{policy="{policy}"}}'] == 0
    assert not [name for name in found if name.startswith("steadyrag_limit_quota{")]


def test_guards_are_told_as_they_stand_before_anything_happens(metrics):
    guards = Guards(Protections(), FakeClock(), lambda _event: None)
    guards.guard("store", slow_s=1, concurrency=8)
    guards.admission("answers", least=16, most=64)
    metrics.guards(guards)
    found = samples(metrics)
    assert found['steadyrag_breaker_state{name="store"}'] == 0
    assert (found['steadyrag_limit{name="store"}'], found['steadyrag_limit{name="answers"}']) == (8, 16)
    for counter in ("calls_refused", "retries", "retry_budget_exhausted"):
        assert found[f'steadyrag_{counter}_total{{name="store"}}'] == 0
