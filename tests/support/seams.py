"""The seams of a composed service: what was called there, when, and what is put in its way."""

import asyncio
import inspect
import math
from collections import defaultdict
from fnmatch import fnmatchcase

#: What the request path calls at a seam; writes and lifecycles go through untouched.
READS = {"embed", "search", "vectors", "passages", "stream"}


async def hangs():
    await asyncio.Event().wait()


def raises(make_error):
    """A fault that raises a fresh error at once."""

    async def fault():
        raise make_error()

    return fault


def takes(seconds):
    """No fault, but so much time before the work."""

    async def fault():
        await asyncio.sleep(seconds)

    return fault


def first(times, fault):
    """The fault for the first calls only."""
    return _counted(fault, lambda number: number <= times)


def since(number, fault, calls=math.inf):
    """The fault for so many calls, from that one on, counted from 1."""
    return _counted(fault, lambda each: number <= each < number + calls)


def every(nth, fault):
    """The fault for every nth call."""
    return _counted(fault, lambda number: number % nth == 0)


def _counted(fault, is_due):
    calls = 0

    async def counting():
        nonlocal calls
        calls += 1
        if is_due(calls):
            await fault()

    return counting


class Seams:
    """Stands at every seam: `compose(settings, wrap=seams.wrap)`, then `seams.fault("index:*", hangs)`.

    Args:
        instead: seam -> a part to put in the adapter's place.

    Attributes:
        started: seam -> when its calls started, by the loop's clock.
        cancelled: seam -> when a call was cancelled.
    """

    def __init__(self, instead=None):
        self._instead = instead or {}
        self._faults = {}
        self.started = defaultdict(list)
        self.cancelled = defaultdict(list)

    def wrap(self, seam, adapter):
        return _Seam(seam, self._instead.get(seam, adapter), self)

    def fault(self, pattern, fault):
        """Have every call at the seams that match meet the fault first."""
        self._faults[pattern] = fault

    def mend(self):
        """Take all faults away, and forget the calls."""
        self._faults.clear()
        self.started.clear()
        self.cancelled.clear()

    def calls(self, pattern="*"):
        """When calls started at the seams that match."""
        return sorted(at for seam, times in self.started.items() if fnmatchcase(seam, pattern) for at in times)

    async def meet(self, seam):
        """A call starts."""
        loop = asyncio.get_running_loop()
        self.started[seam].append(loop.time())
        try:
            for pattern, fault in self._faults.items():
                if fnmatchcase(seam, pattern):
                    await fault()
        except asyncio.CancelledError:
            self.cancelled[seam].append(loop.time())
            raise


class _Seam:
    """A part behind its seam; a wrapper of the same type."""

    def __init__(self, seam, part, seams):
        self._seam, self._part, self._seams = seam, part, seams

    def __getattr__(self, name):
        method = getattr(self._part, name)
        if name not in READS:
            return method

        async def call(*args, **kwargs):
            await self._seams.meet(self._seam)
            return await method(*args, **kwargs)

        async def stream(*args, **kwargs):
            await self._seams.meet(self._seam)
            async for item in method(*args, **kwargs):
                yield item

        return stream if inspect.isasyncgenfunction(method) else call
