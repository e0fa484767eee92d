import asyncio
import itertools

import pytest

from evals.errors import QueueFull
from evals.load.arrivals import poisson
from evals.load.queue_model import QueueModel, Service


def simulate(in_virtual_time, service, arrivals_s, *, events=1, stall=None):
    """The times of each request's events, counted from its arrival; None where it was refused."""

    async def main(clock):
        queue, seen = QueueModel(service, clock), {}

        async def request(number, at_s):
            await asyncio.sleep(at_s)
            try:
                seen[number] = [clock() - at_s async for _ in queue.serve(events)]
            except QueueFull:
                seen[number] = None

        async with asyncio.TaskGroup() as group:
            if stall:
                asyncio.get_running_loop().call_later(stall[0], queue.stall, stall[1])
            for number, at_s in enumerate(arrivals_s):
                group.create_task(request(number, at_s))
        assert (queue.running, queue.waiting) == (0, 0)
        return [seen[number] for number in range(len(arrivals_s))]

    return in_virtual_time(main)


def test_events_come_at_their_times(in_virtual_time):
    service = Service(service_time_s=0.5, itl_s=0.1, added_ttft_s=0.25)
    assert simulate(in_virtual_time, service, [0.0], events=3) == [pytest.approx([0.75, 0.85, 0.95])]


def test_slots_serve_in_the_order_of_arrival(in_virtual_time):
    service = Service(service_time_s=1.0, slots=2)
    assert simulate(in_virtual_time, service, [0.0, 0.1, 0.2, 0.3]) == [
        pytest.approx([1.0]),
        pytest.approx([1.0]),
        pytest.approx([1.8]),
        pytest.approx([1.8]),
    ]


def test_beyond_the_bound_of_the_line_requests_are_refused(in_virtual_time):
    service = Service(service_time_s=1.0, slots=1, queue_limit=1)
    first, second, third = simulate(in_virtual_time, service, [0.0, 0.1, 0.2])
    assert (first, second, third) == (pytest.approx([1.0]), pytest.approx([1.9]), None)


def test_a_stall_stops_streams_and_starts(in_virtual_time):
    service = Service(service_time_s=0.1, itl_s=0.1, slots=5)
    streaming, arriving = simulate(in_virtual_time, service, [0.0, 1.0], events=3, stall=(0.15, 2.0))
    assert streaming == pytest.approx([0.1, 2.15, 2.25])
    assert arriving == pytest.approx([1.25, 1.35, 1.45])


def test_waits_agree_with_queueing_theory(in_virtual_time):
    """M/D/1 at half load: the mean wait is rho * s / (2 * (1 - rho)) (Pollaczek and Khinchine)."""
    arrivals_s = list(poisson(rate_rps=5.0, duration_s=2000.0, seed=11))
    service = Service(service_time_s=0.1, slots=1, queue_limit=10_000)
    latencies_s = [events[0] for events in simulate(in_virtual_time, service, arrivals_s)]
    assert sum(latencies_s) / len(latencies_s) == pytest.approx(0.1 + 0.05, rel=0.05)


def test_capacity_is_what_an_overloaded_queue_serves(in_virtual_time):
    service = Service(service_time_s=0.07, itl_s=0.01, events=4, slots=3, queue_limit=10)
    assert service.capacity_rps == pytest.approx(30)
    arrivals_s = list(itertools.takewhile(lambda t: t < 20, itertools.count(0, 1 / 90)))
    served = [events for events in simulate(in_virtual_time, service, arrivals_s, events=4) if events]
    assert len(served) == pytest.approx(20 * 30 + service.queue_limit, abs=3)


def test_leaving_frees_the_slot(in_virtual_time):
    async def main(clock):
        queue = QueueModel(Service(slots=1, service_time_s=100), clock)
        tasks = [asyncio.create_task(anext(queue.serve(1))) for _ in range(2)]
        await asyncio.sleep(1)
        before = queue.running, queue.waiting
        tasks[1].cancel()
        await asyncio.sleep(0)
        tasks[0].cancel()
        await asyncio.wait(tasks)
        return before, (queue.running, queue.waiting)

    assert in_virtual_time(main) == ((1, 1), (0, 0))
