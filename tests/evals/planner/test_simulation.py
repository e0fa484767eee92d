"""Simulated queues against theory: Kleinrock, Queueing Systems, volume 1, 1975."""

import itertools
import math
import random

import numpy as np
import pytest

from evals.planner.simulation import Job, Station, simulate

JOBS = 40_000
LOAD = 0.7


def exponential(rng, mean_s):
    """As many draws as jobs, in random order, whose moments are those of the distribution: less noise for as many."""
    draws = [-mean_s * math.log(1 - (n + 0.5) / JOBS) for n in range(JOBS)]
    rng.shuffle(draws)
    return draws


def poisson(service_s, rate):
    """Jobs of one visit each; the same ones every time."""
    gaps_s = exponential(random.Random("gaps"), 1 / rate)
    times_s = itertools.accumulate(gaps_s)
    return [Job(at_s, [("only", took_s)]) for at_s, took_s in zip(times_s, service_s, strict=True)]


def mean_wait(jobs, servers=1):
    return simulate(jobs, {"only": Station(servers)}).waited_s["only"] / len(jobs)


def erlang_c(servers, load):
    """Chance that all servers are busy."""
    states = [load**n / math.factorial(n) for n in range(servers)]
    full = load**servers / math.factorial(servers) * servers / (servers - load)
    return full / (sum(states) + full)


def test_m_m_1():
    jobs = poisson(exponential(random.Random(1), 1.0), LOAD)
    found = simulate(jobs, {"only": Station(1)})
    assert found.waited_s["only"] / JOBS == pytest.approx(LOAD / (1 - LOAD), rel=0.05)
    assert found.utilisation["only"] == pytest.approx(LOAD, rel=0.01)
    # the time spent there is exponential with the mean 1 / (1 - load)
    assert np.percentile(found.sojourn_s, 95) == pytest.approx(-math.log(0.05) / (1 - LOAD), rel=0.05)


def test_m_m_c():
    servers, rate = 4, 4 * LOAD
    jobs = poisson(exponential(random.Random(1), 1.0), rate)
    assert mean_wait(jobs, servers) == pytest.approx(erlang_c(servers, rate) / (servers - rate), rel=0.05)


def test_m_d_1():
    assert mean_wait(poisson([1.0] * JOBS, LOAD)) == pytest.approx(LOAD / (2 * (1 - LOAD)), rel=0.05)


def test_one_server_waits_as_lindley_says():
    """W' = max(0, W + S - A), Lindley 1952: exactly, job by job."""
    jobs = poisson(exponential(random.Random(1), 1.0), LOAD)[:2_000]
    waits_s = [0.0]
    for job, following in itertools.pairwise(jobs):
        waits_s.append(max(0.0, waits_s[-1] + job.visits[0][1] - (following.at_s - job.at_s)))
    expected = [wait_s + job.visits[0][1] for wait_s, job in zip(waits_s, jobs, strict=True)]
    assert simulate(jobs, {"only": Station(1)}).sojourn_s == pytest.approx(expected)


def test_visits_follow_each_other_and_wait_in_each_line():
    jobs = [Job(0.0, [("a", 1.0), ("b", 2.0)]), Job(0.0, [("a", 1.0), ("b", 2.0)]), Job(9.0, [("b", 1.0)])]
    found = simulate(jobs, {"a": Station(1), "b": Station(1), "unvisited": Station(1)})
    assert found.sojourn_s.tolist() == [3.0, 5.0, 1.0]
    assert found.waited_s == {"a": 1.0, "b": 1.0, "unvisited": 0.0}
    assert found.utilisation == {"a": 0.2, "b": 0.5, "unvisited": 0.0}


def test_a_run_takes_what_waits_up_to_its_batch_and_an_even_share_of_it():
    def sojourns(jobs, station):
        return simulate([Job(0.0, [("only", 1.0)]) for _ in range(jobs)], {"only": station}).sojourn_s.tolist()

    # the first finds an idle server and goes alone; the rest form runs of at most three
    assert sojourns(5, Station(1, batch=3, shared=1.0)) == [1.0, 2.0, 2.0, 2.0, 3.0]
    assert sojourns(3, Station(1, batch=3, shared=0.5)) == [1.0, 2.5, 2.5]
    # two servers, four waiting when both end at once: the first takes all while the other is still busy at that instant
    assert sojourns(6, Station(2, batch=2, shared=1.0)) == [1.0, 1.0, 2.0, 2.0, 2.0, 2.0]


def test_nothing_to_do_is_no_time():
    found = simulate([], {"only": Station(1)})
    assert (found.sojourn_s.size, found.utilisation) == (0, {"only": 0.0})
