"""A network of queues, simulated: jobs visit stations one after another and wait where all servers are busy.

Discrete events: a heap of ends, merged with the arrivals. Lines are first come, first served and unbounded; nobody
leaves. SimPy's processes did the same in three to four times the time, and a plan takes dozens of simulations.
"""

from __future__ import annotations

import heapq
import itertools
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Station:
    """Servers with one line before them.

    Attributes:
        servers: runs side by side.
        batch: visits that one run takes at most. It takes an even share of what waits and never waits for more.
        shared: part of a visit's time, 0..1, that a run spends once, however many visits it takes.
    """

    servers: int
    batch: int = 1
    shared: float = 0.0

    def run_s(self, visits_s: Sequence[float]) -> float:
        """How long one run takes for visits that would take so long each by themselves."""
        return self.shared * max(visits_s) + (1 - self.shared) * sum(visits_s)


@dataclass(frozen=True, slots=True)
class Job:
    """Something that arrives and visits stations in turn, each by name for so many seconds of service."""

    at_s: float
    visits: Sequence[tuple[str, float]]


@dataclass(frozen=True, slots=True)
class Simulated:
    """What happened.

    Attributes:
        sojourn_s: from arrival to the end of the last visit, of each job in order, shape [jobs].
        utilisation: of each station the share of its servers' time that was busy, until the last job ended.
        waited_s: of each station the waiting of all jobs together.
    """

    sojourn_s: Floats
    utilisation: Mapping[str, float]
    waited_s: Mapping[str, float]


def simulate(jobs: Sequence[Job], stations: Mapping[str, Station]) -> Simulated:
    """Let the jobs, in the order of their arrival, through the stations, until the last has left."""
    lines = {name: _Line(station) for name, station in stations.items()}
    to_visit = [iter(job.visits) for job in jobs]
    sojourn_s = np.zeros(len(jobs))
    ends: list[tuple[float, int, _Line, list[_Waiting]]] = []
    serial, now = itertools.count(), 0.0

    def start(line: _Line) -> None:
        for took_s, run in line.starting(now):
            heapq.heappush(ends, (now + took_s, next(serial), line, run))

    def go_on(number: int) -> None:
        for name, service_s in to_visit[number]:
            lines[name].waiting.append((number, service_s, now))
            start(lines[name])
            return
        sojourn_s[number] = now - jobs[number].at_s

    def end_until(at_s: float) -> None:
        nonlocal now
        while ends and ends[0][0] <= at_s:
            now, _, line, run = heapq.heappop(ends)
            line.idle += 1
            start(line)
            for number, _, _ in run:
                go_on(number)

    for number, job in enumerate(jobs):
        end_until(job.at_s)
        now = job.at_s
        go_on(number)
    end_until(float("inf"))
    return Simulated(
        sojourn_s,
        {name: line.busy_s / (stations[name].servers * now or 1.0) for name, line in lines.items()},
        {name: line.waited_s for name, line in lines.items()},
    )


#: A visit that waits: the job's number, seconds of service, and since when.
_Waiting = tuple[int, float, float]


class _Line:
    """A station at work."""

    def __init__(self, station: Station) -> None:
        self.waiting: deque[_Waiting] = deque()
        self.idle = station.servers
        self.busy_s = self.waited_s = 0.0
        self._station = station

    def starting(self, now: float) -> Iterator[tuple[float, list[_Waiting]]]:
        """The runs that begin, each with the seconds that it takes: as long as something waits and a server is idle."""
        while self.idle and self.waiting:
            share = -(-len(self.waiting) // self.idle)
            run = [self.waiting.popleft() for _ in range(min(share, self._station.batch))]
            took_s = self._station.run_s([service_s for _, service_s, _ in run])
            self.idle -= 1
            self.busy_s += took_s
            self.waited_s += sum(now - since for _, _, since in run)
            yield took_s, run
