import os
import signal

import pytest

from evals.errors import CannotMeasure
from evals.load.latency import measure, require_own
from evals.load.plan import LatencyOptions, plan
from evals.load.queue_model import Service
from evals.load.stub_model import StubModel

FAST = Service(service_time_s=0.001, itl_s=0.001, events=2)


async def nobody_watches(_generator):
    pass


async def test_every_request_of_the_plan_is_answered():
    async with StubModel(FAST) as stub:
        options = LatencyOptions(stub.url, rate_rps=200.0, duration_s=0.3, seed=4)
        planned = plan(options)
        run = await measure(options, planned, watch=nobody_watches)
    assert {record.request_id for record in run.records} == {shot.request_id for shot in planned.shots}
    assert {record.error for record in run.records} == {None}
    assert all(0 <= record.lag_s <= record.ttft_s <= record.e2e_s for record in run.records)


async def test_sigint_ends_the_sending_and_keeps_what_was_measured(until):
    async with StubModel(FAST) as stub:
        options = LatencyOptions(stub.url, rate_rps=100.0, duration_s=60.0)

        async def interrupt(generator):
            await until(lambda: generator.records)
            os.kill(os.getpid(), signal.SIGINT)

        run = await measure(options, plan(options), watch=interrupt)
    assert run.interrupted
    assert {record.error for record in run.records} == {None}


async def test_nobody_at_the_url(unused_tcp_port):
    options = LatencyOptions(f"http://127.0.0.1:{unused_tcp_port}", rate_rps=1.0, duration_s=1.0)
    with pytest.raises(CannotMeasure, match="nothing answers"):
        await measure(options, plan(options), watch=nobody_watches)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:8000", "http://localhost/v1", "http://[::1]:80", "https://127.8.8.8"]
)
def test_this_machine_is_our_own(url):
    require_own(url)


@pytest.mark.parametrize(
    "url", ["http://10.0.0.1", "https://example.org", "http://localhost.example.org", "http://0.0.0.0"]
)
def test_other_machines_are_not(url):
    with pytest.raises(CannotMeasure, match="--i-own-this-target"):
        require_own(url)
