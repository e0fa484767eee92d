"""An event loop whose time jumps to the next timer, so that hours of waiting take no time and runs repeat exactly.

    async def main(): await asyncio.sleep(3600)
    run(main())                                 # at once

or, for every async test below a folder, in its conftest.py:

    def pytest_asyncio_loop_factories(config, item):
        return {"virtual-time": VirtualTimeLoop}

Only what waits on timers is virtual: sockets and threads need a real loop. `LoopClock` is the loop's time for code that
takes a clock.
"""

import asyncio
import selectors

#: 2020-09-13: what `now` says when a test's time is 0.
EPOCH = 1_600_000_000.0
#: Real seconds to wait for a thread before concluding that nothing will ever happen again.
PATIENCE_S = 5.0


class _JumpingSelector(selectors.DefaultSelector):
    """Instead of sleeping, moves the loop's time on by as much as it was to sleep."""

    def __init__(self):
        super().__init__()
        self.time = 0.0

    def select(self, timeout=None):
        ready = super().select(PATIENCE_S if timeout is None else 0)
        if timeout is None and not ready:
            raise RuntimeError("every task waits and no timer is set: a deadlock")
        if not ready:
            self.time += max(timeout, 0)
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """A loop that starts at time 0 and skips every wait."""

    def __init__(self):
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self):
        return self._jumping.time

    def hold_up(self, seconds):
        """Let time pass in which the loop does nothing, as when a callback computes."""
        self._jumping.time += seconds


class LoopClock:
    """The running loop's time as a `rag.types.Clock`."""

    def monotonic(self):
        return asyncio.get_running_loop().time()

    def now(self):
        return EPOCH + self.monotonic()


def run(main):
    """Run the coroutine to its end on a fresh virtual-time loop."""
    with asyncio.Runner(loop_factory=VirtualTimeLoop) as runner:
        return runner.run(main)
