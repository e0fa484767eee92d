"""The router in the running service, before two stub model servers of different price and delay."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import replace

import numpy as np
import orjson
import pytest

from evals.load.queue_model import Service as Pace
from evals.load.stub_model import StubModel
from rag.api.app import create_app
from rag.compose import compose
from rag.settings import load_settings
from rag.telemetry.metrics import Metrics
from rag.types import ANONYMOUS, Space
from router.calibration import ALL_LARGE, for_share
from router.classifier import default_classifier
from router.features import features
from tests.support.chat import ROUTE, chat_body
from tests.support.corpus import DOCUMENTS, QUESTION
from tests.support.phrased import questions
from tests.support.web import client_of

SPACE = Space(ANONYMOUS.tenant, "default")
PRICES = {"small": (0.1, 0.4), "large": (1.0, 4.0)}
#: Seconds that the large stub takes for an answer: enough for requests to meet there.
LARGE_S = 0.25
AT_ONCE = 16
#: Share of the questions that the budget lets go large.
TARGET = 0.3


class Deployment:
    """The service with its two models; `ask` gives the reply's body."""

    def __init__(self, service, client, small, large):
        self.service, self.client, self.small, self.large = service, client, small, large

    async def ask(self, question=QUESTION, *, user=None, **extras):
        body = chat_body(question, **{"cache": "no-store"} | extras) | ({"user": user} if user else {})
        async with self.client.post(ROUTE, json=body) as response:
            reply = await response.json()
            assert response.status == 200, reply
            assert response.headers["x-steadyrag-model"] == reply["steadyrag"]["route"]["model"]
            return reply

    async def route(self, question=QUESTION, **extras):
        return (await self.ask(question, **extras))["steadyrag"]["route"]

    async def metrics(self):
        async with self.client.get("/metrics") as response:
            return await response.text()


@pytest.fixture
async def deploy(scratch, model_folder):
    """`deploy(large_s=..., registry={"large": {...}}, ...)`: further values are settings of the models."""
    async with AsyncExitStack() as stack:

        async def make(*, large_s=0.001, registry=None, resilience=None, **models):
            stubs = [
                await stack.enter_async_context(StubModel(Pace(service_time_s=s, events=8, itl_s=0.0, slots=64)))
                for s in (0.0, large_s)
            ]
            about = {
                name: {"url": f"{stub.url}/v1#{name}", "input_price": PRICES[name][0], "output_price": PRICES[name][1]}
                | (registry or {}).get(name, {})
                for name, stub in zip(PRICES, stubs, strict=True)
            }
            settings = load_settings(
                data_dir=scratch / "data",
                cache_dir=model_folder.parent.parent,
                index={"shards": 1},
                limits={"min_free_bytes": 0},
                resilience={"admitted": 64, **(resilience or {})},
                models={"small": "small", "large": "large", "registry": about, **models},
            )
            metrics = Metrics()
            service = await compose(settings, observe=metrics.answer, on_event=metrics.event)
            stack.push_async_callback(service.aclose)
            await service.writer.put(SPACE, DOCUMENTS)
            client = await stack.enter_async_context(client_of(create_app(service, metrics)))
            return Deployment(service, client, *stubs)

        yield make


async def share_large(deployment, asked):
    """Asked in small batches; the share that the large model answered."""
    models = Counter()
    for start in range(0, len(asked), AT_ONCE):
        batch = (deployment.route(question) for question in asked[start : start + AT_ONCE])
        models.update(route["model"] for route in await asyncio.gather(*batch))
    return models["large"] / len(asked)


async def calibrated(deployment, share):
    """The threshold at which so large a share of the questions for calibration goes large."""
    to_calibrate, _ = questions()
    classifier, embedder = default_classifier(), deployment.service.embedder
    vectors = np.concatenate([await embedder.embed([each], timeout_s=5) for each in to_calibrate])
    chances = classifier.probabilities(vectors, np.array([features(each) for each in to_calibrate]))
    gains = np.where(classifier.known.are_far(vectors), 1.0, chances[:, 1] - chances[:, 0])
    return for_share(share)(gains, np.zeros((len(gains), 2)))


@pytest.mark.slow
async def test_the_share_sent_large_is_the_one_calibrated_for_within_3_points(deploy):
    deployment = await deploy()
    _, asked = questions()
    assert len(asked) == len(set(asked)) == 1_600
    router = deployment.service.models.router
    router.preference = replace(router.preference, threshold=await calibrated(deployment, TARGET))
    assert await share_large(deployment, asked) == pytest.approx(TARGET, abs=0.03)


async def test_a_fixed_default_sends_nothing_large(deploy):
    deployment = await deploy(default="small")
    assert await share_large(deployment, questions()[1][:32]) == 0.0


async def test_an_answer_says_what_chose_its_model_and_what_it_cost(deploy):
    deployment = await deploy(threshold=ALL_LARGE)
    reply = await deployment.ask()
    route, usage = reply["steadyrag"]["route"], reply["usage"]
    assert (route["model"], route["tier"], route["rule"]) == ("large", "large", "score")
    assert route["reason"] == f"gain {route['score']:.3f} >= -1.000"
    assert usage["prompt_tokens"] > 0
    expected = (usage["prompt_tokens"] * 1.0 + usage["completion_tokens"] * 4.0) / 1e6
    assert reply["steadyrag"]["cost"] == {"amount": pytest.approx(expected), "saved": 0.0}
    assert reply["steadyrag"]["degraded"] == []
    exported = await deployment.metrics()
    assert 'steadyrag_routes_total{rule="score",tier="large"} 1.0' in exported
    assert f'steadyrag_cost_total{{model="large"}} {expected}' in exported
    assert 'steadyrag_model_users{model="small",tier="small",version=""} 1.0' in exported


async def test_an_answer_that_the_cache_gives_again_costs_nothing_and_says_what_it_saved(deploy):
    deployment = await deploy(threshold=ALL_LARGE)
    paid = (await deployment.ask(cache="default"))["steadyrag"]["cost"]["amount"]
    again = (await deployment.ask(cache="default"))["steadyrag"]
    assert (again["cache"]["verdict"], again["cost"]) == ("exact", {"amount": 0.0, "saved": paid})
    assert paid > 0
    assert f"steadyrag_cost_saved_total {paid}" in await deployment.metrics()


@pytest.mark.parametrize(("spill", "expected"), [(True, {"large": 2, "small": 3}), (False, {"large": 5})])
async def test_a_saturated_large_model_spills_where_it_may(deploy, spill, expected):
    deployment = await deploy(large_s=LARGE_S, registry={"large": {"busy_at": 2}}, threshold=ALL_LARGE, spill=spill)
    replies = await asyncio.gather(*(deployment.ask() for _ in range(5)))
    assert Counter(reply["steadyrag"]["route"]["model"] for reply in replies) == expected
    for reply in replies:
        said = reply["steadyrag"]
        if said["route"]["model"] == "small":
            assert (said["route"]["rule"], said["degraded"]) == ("saturated", ["model-fallback:small"])
            assert said["route"]["reason"] == "large model saturated (2 under way)"


async def test_who_has_no_time_for_the_large_model_gets_the_small_one(deploy):
    deployment = await deploy(large_s=LARGE_S, threshold=ALL_LARGE)
    assert (await deployment.route())["model"] == "large"
    hurried = (await deployment.ask(timeout_s=LARGE_S * 0.9))["steadyrag"]
    assert (hurried["route"]["model"], hurried["route"]["rule"]) == ("small", "deadline")
    assert hurried["degraded"] == ["model-fallback:small"]
    assert (await deployment.route(timeout_s=30))["model"] == "large", "who has the time waits"


@pytest.mark.parametrize(("breakers", "rule"), [(True, "unavailable"), (False, "score")])
async def test_an_outage_of_the_large_model_changes_the_route_once_it_is_known(deploy, breakers, rule):
    deployment = await deploy(threshold=ALL_LARGE, resilience={"breakers": breakers})
    await deployment.large.stop()
    replies = [await deployment.ask() for _ in range(30)]
    assert {reply["steadyrag"]["route"]["model"] for reply in replies} == {"small"}
    assert {tuple(reply["steadyrag"]["degraded"]) for reply in replies} == {("model-fallback:small",)}
    assert replies[0]["steadyrag"]["route"]["rule"] == "score", "nothing was known yet"
    assert replies[-1]["steadyrag"]["route"]["rule"] == rule


async def test_without_the_embedder_the_wording_decides(deploy):
    deployment = await deploy(threshold=ALL_LARGE)
    deployment.service.guards.force("embedder", "open", 60.0)
    said = (await deployment.ask("Who invented the diesel engine?"))["steadyrag"]
    assert said["route"]["reason"].endswith("by the wording alone")
    assert "embedder-unavailable" in said["degraded"]


async def test_users_of_an_experiment_keep_their_model_and_their_answers(deploy):
    deployment = await deploy(
        default="small",
        experiments={"rollout": {"tier": "small", "shares": {"large": 0.5}}},
    )
    users = [f"user-{number}" for number in range(12)]
    first = {user: await deployment.route(user=user, cache="default") for user in users}
    assert {route["model"] for route in first.values()} == {"small", "large"}
    for user in users:
        said = (await deployment.ask(user=user, cache="default"))["steadyrag"]
        assert said["cache"]["verdict"] == "exact"
        assert said["route"]["model"] == first[user]["model"], "no answer of the other model"


async def test_shadow_traffic_asks_both_and_answers_with_one(deploy, scratch):
    deployment = await deploy(threshold=ALL_LARGE, shadow={"share": 1.0})
    assert (await deployment.route())["model"] == "large"
    shadow = deployment.service.models.shadow
    await asyncio.gather(*shadow._tasks)
    (record,) = map(orjson.loads, (scratch / "data" / "shadow.jsonl").read_bytes().splitlines())
    assert {tier: told["model"] for tier, told in record["answers"].items()} == {"small": "small", "large": "large"}
    assert record["answers"]["small"]["cost"] < record["answers"]["large"]["cost"]
    assert record["agreement"] == 1.0, "the stubs say the same"
    assert len(deployment.small.served) == len(deployment.large.served) == 1
    assert "steadyrag_shadow_kept 1.0" in await deployment.metrics()


async def test_without_shadow_traffic_only_one_model_is_asked(deploy):
    deployment = await deploy(threshold=ALL_LARGE)
    await deployment.ask()
    assert (len(deployment.small.served), len(deployment.large.served)) == (0, 1)
