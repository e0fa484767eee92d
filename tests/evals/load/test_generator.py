import asyncio
import gc

import numpy as np
import pytest

from evals.load.arrivals import constant
from evals.load.generator import Generator
from evals.load.queue_model import QueueModel, Service
from evals.load.records import Shot


def shots(times_s):
    return [Shot(t, "q", f"r{i}") for i, t in enumerate(times_s)]


def asking(queue, clock):
    """An `ask` that goes straight to a queue model."""

    async def ask(_shot, reply):
        reply.status = 200
        async for _ in queue.serve(queue.service.events):
            reply.content_at.append(clock())
        reply.end(clock())
        reply.error = None

    return ask


def generator(clock, ask, **options):
    return Generator(ask, clock=clock, cpu_clock=lambda: 0.5 * clock(), **options)


def test_sends_by_the_clock_whatever_the_replies_do(in_virtual_time):
    async def main(clock):
        queue = QueueModel(Service(slots=1, service_time_s=10.0, events=1), clock)
        return await generator(clock, asking(queue, clock)).run(shots([0.0, 0.5, 1.25]), window_s=2.0)

    run = in_virtual_time(main)
    assert [record.intended_s for record in run.records] == [0.0, 0.5, 1.25]
    assert [record.lag_s for record in run.records] == pytest.approx([0, 0, 0], abs=1e-9)
    assert [record.e2e_s for record in run.records] == pytest.approx([10, 19.5, 28.75])
    assert (run.window_s, run.cpu, run.interrupted) == (2.0, pytest.approx(0.5), False)


def test_records_first_content_and_gaps(in_virtual_time):
    async def main(clock):
        queue = QueueModel(Service(service_time_s=0.2, itl_s=0.05, events=3), clock)
        return await generator(clock, asking(queue, clock)).run(shots([1.0]), window_s=1.0)

    (record,) = in_virtual_time(main).records
    assert (record.request_id, record.status, record.error) == ("r0", 200, None)
    assert (record.ttft_s, record.e2e_s) == pytest.approx((0.2, 0.3))
    assert record.itl_s == pytest.approx([0.05, 0.05])


def test_latency_counts_from_the_intended_time_when_the_generator_is_late(in_virtual_time):
    """A loop that is held up for 0.3 s must show in lag and in latency (coordinated omission)."""

    async def main(clock):
        async def ask(shot, reply):
            if shot.request_id == "r0":
                asyncio.get_running_loop().block(0.3)
            reply.end(clock())

        return await generator(clock, ask).run(shots([0.0, 0.1, 0.2, 0.9]), window_s=1.0)

    records = in_virtual_time(main).records
    assert [record.lag_s for record in records] == pytest.approx([0.0, 0.2, 0.1, 0.0], abs=1e-9)
    assert [record.e2e_s for record in records] == pytest.approx([0.3, 0.2, 0.1, 0.0], abs=1e-9)


def test_an_open_loop_shows_the_stall_that_a_closed_loop_hides(in_virtual_time):
    """Ten seconds with a stall of 2 s: one reply in five is late for the open loop, one for each closed-loop user."""

    async def open_loop(clock):
        queue = QueueModel(Service(slots=1000, service_time_s=0.005, events=1), clock)
        asyncio.get_running_loop().call_later(4.0, queue.stall, 2.0)
        run = await generator(clock, asking(queue, clock)).run(shots(constant(100, 10.0)), window_s=10.0)
        return [record.e2e_s for record in run.records]

    async def closed_loop(clock):
        queue, e2e_s = QueueModel(Service(slots=1000, service_time_s=0.005, events=1), clock), []
        asyncio.get_running_loop().call_later(4.0, queue.stall, 2.0)
        while (start := clock()) < 10.0:
            e2e_s += [clock() - start async for _ in queue.serve(1)]
        return e2e_s

    assert np.percentile(in_virtual_time(open_loop), 95) >= 1.0
    assert np.percentile(in_virtual_time(closed_loop), 95) <= 0.006


def test_the_bound_in_flight_drops_and_never_delays(in_virtual_time):
    async def main(clock):
        queue = QueueModel(Service(service_time_s=1.0, events=1), clock)
        return await generator(clock, asking(queue, clock), max_in_flight=2).run(
            shots([0, 0.1, 0.2, 1.5]), window_s=2.0
        )

    outcome = {record.intended_s: record.error for record in in_virtual_time(main).records}
    assert outcome == {0: None, 0.1: None, 0.2: "not_sent", 1.5: None}


def test_stop_ends_the_sending_and_waits_for_replies(in_virtual_time):
    async def main(clock):
        queue = QueueModel(Service(service_time_s=1.0, events=1), clock)
        load = generator(clock, asking(queue, clock))
        asyncio.get_running_loop().call_later(0.5, load.stop)
        return await load.run(shots([0.0, 0.4, 0.6]), window_s=10.0)

    run = in_virtual_time(main)
    assert [(record.intended_s, record.error) for record in run.records] == [(0.0, None), (0.4, None)]
    assert (run.window_s, run.interrupted) == (pytest.approx(0.5), True)


@pytest.mark.parametrize("second_stop_s", [0.6, 5.0])
def test_a_second_stop_gives_up_what_is_under_way(in_virtual_time, second_stop_s):
    async def main(clock):
        queue = QueueModel(Service(service_time_s=100.0, events=1), clock)
        load = generator(clock, asking(queue, clock))
        for at_s in (0.5, second_stop_s):
            asyncio.get_running_loop().call_later(at_s, load.stop)
        return await load.run(shots([0.0, 0.9]), window_s=1.0), clock(), load.in_flight

    run, ended, in_flight = in_virtual_time(main)
    assert [(record.error, record.e2e_s) for record in run.records] == [("cancelled", pytest.approx(second_stop_s))]
    assert (ended, in_flight) == (pytest.approx(second_stop_s), 0)


def test_a_stop_after_the_last_shot_gives_up_at_once(in_virtual_time):
    async def main(clock):
        queue = QueueModel(Service(service_time_s=100.0, events=1), clock)
        load = generator(clock, asking(queue, clock))
        asyncio.get_running_loop().call_later(2.0, load.stop)
        return await load.run(shots([0.0]), window_s=1.0)

    run = in_virtual_time(main)
    assert ([record.error for record in run.records], run.interrupted) == (["cancelled"], True)


def test_a_fault_of_our_own_ends_the_run(in_virtual_time):
    async def main(clock):
        async def ask(_shot, _reply):
            raise ZeroDivisionError

        await generator(clock, ask).run(shots([0.0, 100.0]), window_s=100.0)

    with pytest.raises(ExceptionGroup) as caught:
        in_virtual_time(main)
    assert caught.group_contains(ZeroDivisionError)


def test_the_cycle_collector_rests_during_a_run_only(in_virtual_time):
    async def main(clock):
        resting = []

        async def ask(_shot, reply):
            resting.append(gc.isenabled())
            reply.end(clock())

        await generator(clock, ask).run(shots([0.0]), window_s=1.0)
        return resting

    assert in_virtual_time(main) == [False]
    assert gc.isenabled()
