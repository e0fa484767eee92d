"""Probes on a real load; breakers and readiness on a service's own answers."""

import pytest
from aiohttp import web

from chaos.errors import BadRequest
from chaos.load.traffic import FAULT_ON, Traffic, TrafficOptions
from chaos.toolkit import probes
from evals.load.queue_model import Service
from evals.load.stub_model import StubModel


async def test_a_load_that_is_answered(do, configuration, traffic, until):
    await until(lambda: traffic.figures(5.0)["ended"] > 5)
    assert await do(probes.availability, configuration) == 1.0
    assert await do(probes.availability, configuration, of="admitted") == 1.0
    assert 0 < await do(probes.p95_ms, configuration) < 5_000
    assert await do(probes.goodput_rps, configuration) > 0
    assert await do(probes.degraded_share, configuration) == 0.0
    assert await do(probes.unlabelled_degraded, configuration) == 0


async def test_answers_that_lack_their_label_are_counted(do, configuration, traffic, until):
    traffic.note(FAULT_ON, "x")
    await until(lambda: traffic.figures(5.0)["unlabelled_degraded"] > 2)
    assert await do(probes.unlabelled_degraded, configuration) > 2


class Silent:
    """A load under which nothing has ended."""

    @pytest.fixture
    async def traffic(self):
        return Traffic(TrafficOptions("http://127.0.0.1:1", 1e-6, 1, 5.0), ["why?"])


class TestWithoutAnswers(Silent):
    @pytest.fixture
    async def stub(self):
        async with StubModel(Service(service_time_s=600)) as running:
            yield running

    @pytest.fixture
    async def traffic(self, stub):
        return Traffic(TrafficOptions(stub.url, 1e-6, 1, 5.0), ["why?"])

    async def test_nothing_is_known(self, do, configuration):
        with pytest.raises(BadRequest, match="no request has ended"):
            await do(probes.availability, configuration)
        with pytest.raises(BadRequest, match="nothing was answered"):
            await do(probes.p95_ms, configuration)

    async def test_a_stall_is_no_availability(self, do, configuration, traffic, until):
        await until(lambda: traffic.figures(5.0)["overdue"])
        assert await do(probes.availability, configuration) == 0.0
        assert await do(probes.p95_ms, configuration) > 1_000


@pytest.fixture
async def service():
    """What a service says of itself."""
    says = {"ready": True, "breakers": [{"name": "index", "state": "open"}]}

    async def breakers(_):
        return web.json_response({"breakers": says["breakers"], "limiters": []})

    async def ready(_):
        return web.json_response({"ready": says["ready"]}, status=200 if says["ready"] else 503)

    app = web.Application()
    app.router.add_get("/admin/breakers", breakers)
    app.router.add_get("/ready", ready)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield {"url": f"http://127.0.0.1:{runner.addresses[0][1]}"}, says
    await runner.cleanup()


async def test_breakers_and_readiness(do, service):
    configuration, says = service
    assert await do(probes.breaker_state, "index", configuration) == "open"
    with pytest.raises(BadRequest, match="no breaker 'nothing'; there are index"):
        await do(probes.breaker_state, "nothing", configuration)
    assert await do(probes.ready, configuration) is True
    says["ready"] = False
    assert await do(probes.ready, configuration) is False
