"""The faults of one service: put in place and taken away while it runs.

Example: `faults = Faults(seed=7)`, `await compose(settings, wrap=faults.wrap)`, and while that runs
`faults.add("slow shard", Latency(seam="index:2", delay_s=2.0, duration_s=30.0))`, `faults.remove("slow shard")`.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import partial
from typing import Any, Literal

from chaos.errors import BadRequest
from chaos.faults.fault import Fault, Meeting
from chaos.faults.seam import Faulty

#: Told of a fault's name, and whether it was put in place or is gone.
Observer = Callable[[str, Literal["fault-on", "fault-off"], Fault], None]


@dataclass(slots=True)
class _Standing:
    fault: Fault
    rng: random.Random
    removed: asyncio.Event = field(default_factory=asyncio.Event)
    ends: asyncio.TimerHandle | None = None


class Faults:
    """A registry; its `wrap` goes to `rag.compose`.

    Args:
        seed: with the same one the same calls, in the same order, meet the same faults.
        observe: told of every change.
    """

    def __init__(self, seed: int | str = 0, observe: Observer = lambda _name, _kind, _fault: None) -> None:
        self._seed = seed
        self._observe = observe
        self._seams: set[str] = set()
        self._standing: dict[str, _Standing] = {}

    @property
    def standing(self) -> dict[str, Fault]:
        """The faults that are in place, by name."""
        return {name: each.fault for name, each in self._standing.items()}

    def wrap(self, seam: str, adapter: Any) -> Any:
        """The adapter, within reach of faults."""
        self._seams.add(seam)
        return Faulty(adapter, partial(self._meet, seam))

    def add(self, name: str, fault: Fault) -> None:
        """Put it in place, instead of one of the same name.

        Raises:
            BadRequest: no seam fits its pattern.
        """
        if not any(fnmatchcase(seam, fault.seam) for seam in self._seams):
            raise BadRequest(f"no seam is {fault.seam!r}; there are {', '.join(sorted(self._seams))}")
        self.remove(name)
        standing = self._standing[name] = _Standing(fault, random.Random(f"{self._seed}/{name}"))  # noqa: S311 - chance, no secret
        if fault.duration_s is not None:
            standing.ends = asyncio.get_running_loop().call_later(fault.duration_s, self.remove, name)
        self._observe(name, "fault-on", fault)

    def remove(self, name: str) -> None:
        """Take it away, if it is there; who waits at it goes on at once."""
        standing = self._standing.pop(name, None)
        if standing is None:
            return
        if standing.ends is not None:
            standing.ends.cancel()
        standing.removed.set()
        self._observe(name, "fault-off", standing.fault)

    def clear(self) -> None:
        """Take all away."""
        for name in list(self._standing):
            self.remove(name)

    async def _meet(self, seam: str) -> None:
        """Meet the faults at the seam, one after another in the order in which they were put in place."""
        for each in list(self._standing.values()):
            fault = each.fault
            if each.removed.is_set() or not fnmatchcase(seam, fault.seam):
                continue
            if each.rng.random() < fault.share:
                await fault.meet(Meeting(seam, each.rng, each.removed))
