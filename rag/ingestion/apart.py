"""Files read in a process of their own, within bounds of time and memory: `python -m rag.ingestion.apart CPU_S BYTES`.

A few kilobytes of HTML or PDF can ask for gigabytes or for hours, and no parser of them can be told when to stop. The
operating system can (`setrlimit(2)`): a file that asks for too much ends this process, and costs nothing but itself.
"""

from __future__ import annotations

import math
import os
import resource
import signal
import subprocess
import sys
import threading
from contextlib import suppress
from types import TracebackType
from typing import BinaryIO

from rag.errors import ShuttingDown, SteadyragError, UnreadableDocument
from rag.ingestion import frames
from rag.ingestion.readers import GREEDY, parse_bytes, reader_for
from rag.types import Document

CPU_S = 120
MEMORY_BYTES = 1 << 30


class Apart:
    """Reads files, those of greedy formats in a child process; it is started when first needed, and again when it died.

    For one thread at a time; any other may close it.

    Args:
        cpu_s: processor time for one file.
        memory_bytes: data of the process, its own 50 MB included; systems other than Linux may not heed it.
    """

    def __init__(self, cpu_s: int = CPU_S, memory_bytes: int = MEMORY_BYTES) -> None:
        self._cpu_s = cpu_s
        self._memory_bytes = memory_bytes
        self._child: subprocess.Popen[bytes] | None = None
        self._closed = False
        self._starting = threading.Lock()
        self._reading = threading.Lock()  # whoever reads also closes the pipes: never under another thread's hands

    @property
    def pid(self) -> int | None:
        """The child's id; None while there is none."""
        return self._child.pid if self._child else None

    def parse(self, name: str, data: bytes) -> Document:
        """See `rag.ingestion.readers.parse_bytes`.

        Raises:
            UnreadableDocument: besides, it takes more time or memory than is allowed.
            ShuttingDown: it was closed.
        """
        if reader_for(name) not in GREEDY:
            return parse_bytes(name, data)
        with self._reading:
            try:
                answer = self._ask(self._running(), name, data)
            except (BrokenPipeError, EOFError):
                status = self._end()
                if self._closed:
                    raise ShuttingDown("reading has ended") from None
                raise UnreadableDocument(self._why(status)) from None
        if isinstance(answer, SteadyragError):
            raise answer
        return answer

    def close(self) -> None:
        """End the child, whatever it is doing."""
        with self._starting:
            self._closed, child = True, self._child
        if child is not None:
            child.kill()
        with self._reading:
            self._end()

    def __enter__(self) -> Apart:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def _running(self) -> subprocess.Popen[bytes]:
        with self._starting:
            if self._closed:
                raise ShuttingDown("reading has ended")
            self._child = self._child or self._start()
            return self._child

    @staticmethod
    def _ask(child: subprocess.Popen[bytes], name: str, data: bytes) -> Document | SteadyragError:
        if child.stdin is None or child.stdout is None:
            raise AssertionError("both were asked for as pipes")
        child.stdin.write(frames.frame((name, data)))
        child.stdin.flush()
        answer: Document | SteadyragError = frames.receive(child.stdout)  # type: ignore[arg-type]  # IO[bytes]
        return answer

    def _start(self) -> subprocess.Popen[bytes]:
        command = [sys.executable, "-P", "-m", __name__, str(self._cpu_s), str(self._memory_bytes)]
        # a session of its own: Ctrl-C is the parent's to handle
        return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)  # noqa: S603

    def _end(self) -> int:
        """The exit status of the child, 0 where there is none; one that has ended by itself keeps its own."""
        child, self._child = self._child, None
        if child is None:
            return 0
        child.kill()
        status = child.wait()
        for pipe in (child.stdin, child.stdout):
            if pipe is not None:
                with suppress(BrokenPipeError):  # it died over what still waits to be written
                    pipe.close()
        return status

    def _why(self, status: int) -> str:
        if status == -signal.SIGXCPU:
            return f"reading it takes more than {self._cpu_s} s of processor time"
        return f"reading it ended the reader with status {status}"


def serve(requests: BinaryIO, replies: BinaryIO, cpu_s: int) -> None:
    """Read files, each within `cpu_s` of processor time, until there are no more."""
    while True:
        try:
            name, data = frames.receive(requests)
        except EOFError:
            return
        _grant(cpu_s)
        replies.write(frames.frame(_read(name, data)))
        replies.flush()


def _grant(cpu_s: int) -> None:
    """Let the system end this process (SIGXCPU) when it has used so much more processor time."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    limit(resource.RLIMIT_CPU, math.ceil(used.ru_utime + used.ru_stime + cpu_s))


def limit(kind: int, most: int) -> None:
    """Set a soft limit, within the hard one that this process was born with."""
    hard = resource.getrlimit(kind)[1]
    resource.setrlimit(kind, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def _read(name: str, data: bytes) -> Document | SteadyragError:
    try:
        return parse_bytes(name, data)
    except SteadyragError as error:
        return error
    except MemoryError:
        return UnreadableDocument("it swells to more than the memory allowed for reading")


def _main(cpu_s: int, memory_bytes: int) -> None:
    replies = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints must not stand among the replies
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # a parent that has gone is no error
    limit(resource.RLIMIT_CORE, 0)
    limit(resource.RLIMIT_DATA, memory_bytes)
    serve(sys.stdin.buffer, replies, cpu_s)


if __name__ == "__main__":
    os.nice(19)
    _main(int(sys.argv[1]), int(sys.argv[2]))
