"""A server as a child process, and what can be done to it: stopped in its tracks, killed, started again."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Literal

from chaos.errors import CannotRun
from chaos.faults import tether

State = Literal["running", "paused", "ended"]
Answers = Callable[[], Awaitable[bool]]
#: Told of the child's name, and what it does from here on.
Observer = Callable[[str, State], None]

POLL_S = 0.02
#: Of a log, what an error quotes.
QUOTED_CHARS = 400


def _unobserved(_name: str, _state: State) -> None:
    pass


class Child:
    """A server that we start and end, and nothing else: signals go to its own process group.

    It is killed by the kernel when this process dies.

    Args:
        name: of the child.
        command: what to run.
        answers: whether it serves.
        env: its whole environment.
        log: takes what it says.
        ready_s: it must serve after so many seconds.
        grace_s: it must have ended so many seconds after SIGTERM; then it is killed.
        leave: called before it is ended in order: nobody shall come any more.
        come_back: called when it serves, for the first time or again.
        observe: told of what becomes of it.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        answers: Answers,
        *,
        env: Mapping[str, str],
        log: Path,
        ready_s: float = 60.0,
        grace_s: float = 10.0,
        leave: Callable[[], None] = lambda: None,
        come_back: Callable[[], None] = lambda: None,
        observe: Observer = _unobserved,
    ) -> None:
        self.name = name
        self.state: State = "ended"
        self._command = list(command)
        self._answers = answers
        self._env = dict(env)
        self._log = log
        self._ready_s, self._grace_s = ready_s, grace_s
        self._leave, self._come_back = leave, come_back
        self._observe = observe
        self._turn = asyncio.Lock()
        self._process: asyncio.subprocess.Process | None = None
        self._watch: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Its id, and that of its group; None before its first start."""
        return self._process.pid if self._process else None

    async def start(self) -> None:
        """Start it, and return when it serves.

        Raises:
            CannotRun: it ended, or does not serve in time.
        """
        async with self._turn:
            await self._start()

    async def stop(self) -> None:
        """End it in order, whatever state it is in; when it does not obey, by force."""
        async with self._turn:
            await self._stop()

    async def restart(self) -> None:
        """End it in order, unless it has ended, start it, and return when it serves.

        Raises:
            CannotRun: it ended, or does not serve in time.
        """
        async with self._turn:
            await self._stop()
            await self._start()

    def pause(self) -> None:
        """Stop it in its tracks: its sockets stay open, and nobody answers there."""
        self._signal(signal.SIGSTOP, "paused")

    def resume(self) -> None:
        """Let it go on where it stopped."""
        self._signal(signal.SIGCONT, "running")

    async def kill(self) -> None:
        """End it at once, with all that it started, and return when it has ended."""
        self._signal(signal.SIGKILL, self.state)
        await self._ended()

    def abandon(self) -> None:
        """End it at once, if it runs, and do not wait."""
        if self._process is not None and self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGKILL)

    def _signal(self, number: signal.Signals, then: State) -> None:
        if self._process is None or self._process.returncode is not None:
            raise CannotRun(f"{self.name} does not run")
        os.killpg(self._process.pid, number)
        self._turned(then)

    def _turned(self, state: State) -> None:
        if state != self.state:
            self.state = state
            self._observe(self.name, state)

    async def _start(self) -> None:
        if self._process is not None and self._process.returncode is None:
            return
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-I", "-S", tether.__file__, str(os.getpid()), *self._command),
                env=self._env,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # a Ctrl-C is for us alone: we end the children in order
            )
        self._watch = asyncio.create_task(self._watching(self._process), name=f"watch {self.name}")
        await self._until_it_serves(self._process)
        self._turned("running")
        self._come_back()

    async def _until_it_serves(self, process: asyncio.subprocess.Process) -> None:
        deadline = time.monotonic() + self._ready_s
        while not await self._answers():
            if process.returncode is not None:
                raise CannotRun(f"{self.name} ended with status {process.returncode}: {last_words(self._log)}")
            if time.monotonic() > deadline:
                raise CannotRun(f"{self.name} does not serve after {self._ready_s:.0f} s: {last_words(self._log)}")
            await asyncio.sleep(POLL_S)

    async def _stop(self) -> None:
        if self._process is None:
            return
        self._leave()
        if self._process.returncode is None:
            os.killpg(self._process.pid, signal.SIGCONT)
            self._process.terminate()
            try:
                await asyncio.wait_for(self._process.wait(), self._grace_s)
            except TimeoutError:
                os.killpg(self._process.pid, signal.SIGKILL)
        await self._ended()

    async def _ended(self) -> None:
        if self._watch is not None:
            await self._watch

    async def _watching(self, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)  # what it started may outlive it
        self._turned("ended")


def last_words(log: Path) -> str:
    """The end of a log, on one line."""
    said = log.read_text(errors="replace").split()
    return " ".join(said)[-QUOTED_CHARS:] or "it said nothing"
