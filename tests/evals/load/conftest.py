"""Virtual time: a loop whose clock jumps to the next timer, so that hours of sleeping cost nothing."""

import asyncio
import selectors

import pytest


class _JumpingSelector(selectors.SelectSelector):
    now = 0.0

    def select(self, timeout=None):
        ready = super().select(0)
        if not ready:
            assert timeout is not None, "deadlock: nothing is ready and no timer is set"
            self.now += timeout
        return ready


class _VirtualLoop(asyncio.SelectorEventLoop):
    def __init__(self):
        self._jumping = _JumpingSelector()
        super().__init__(self._jumping)

    def time(self):
        return self._jumping.now

    def block(self, seconds):
        """What a callback that takes `seconds` does to everything else."""
        self._jumping.now += seconds


@pytest.fixture
def until():
    """Let everything else run until `holds()`."""

    async def wait(holds):
        async with asyncio.timeout(10):
            while not holds():  # noqa: ASYNC110 - what is waited for sets no event
                await asyncio.sleep(0)

    return wait


@pytest.fixture
def in_virtual_time():
    """Run `main(clock)` on a loop of its own in virtual time."""

    def run(main):
        with asyncio.Runner(loop_factory=_VirtualLoop) as runner:
            return runner.run(main(runner.get_loop().time))

    return run
