from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from rag.embedding.onnx import OnnxModel
from rag.errors import DependencyFailed, ShuttingDown
from rag.ingestion.process import ProcessPreparer
from tests.contracts.preparer import DOCUMENTS, TEXTS, PreparerContract
from tests.support.changes import SPACE
from tests.support.killed import ROOT
from tests.support.processes import alive


@pytest.fixture
async def preparer(model_folder: Path, model: OnnxModel) -> AsyncIterator[ProcessPreparer]:
    preparer = ProcessPreparer(model_folder, model.info.dimension)
    yield preparer
    await preparer.aclose()


class TestProcessPreparer(PreparerContract):
    @pytest.fixture
    def preparer(self, preparer: ProcessPreparer) -> ProcessPreparer:
        return preparer


async def pid_of(preparer: ProcessPreparer) -> int:
    """The id of its child, which runs afterwards."""
    await preparer.embed(["a"], timeout_s=30)
    assert preparer.pid is not None
    return preparer.pid


async def test_there_is_no_child_before_there_is_work(preparer: ProcessPreparer) -> None:
    assert preparer.pid is None
    assert await pid_of(preparer) != os.getpid()


@pytest.mark.skipif(sys.platform != "linux", reason="where SCHED_IDLE exists")
async def test_the_child_runs_when_nobody_else_wants_to(preparer: ProcessPreparer) -> None:
    pid = await pid_of(preparer)
    assert os.getpriority(os.PRIO_PROCESS, pid) == 19
    assert os.sched_getscheduler(pid) == os.SCHED_IDLE


async def test_what_a_killed_child_owes_fails_and_the_next_one_goes_on(preparer: ProcessPreparer) -> None:
    first = await pid_of(preparer)
    asked = [asyncio.create_task(preparer.embed(TEXTS, timeout_s=30)) for _ in range(8)]
    await asyncio.sleep(0)
    os.kill(first, signal.SIGKILL)
    results = await asyncio.gather(*asked, return_exceptions=True)
    assert any(isinstance(each, DependencyFailed) for each in results)
    assert all(isinstance(each, DependencyFailed) or len(each) == len(TEXTS) for each in results)  # type: ignore[arg-type]
    assert await pid_of(preparer) != first


async def test_a_child_that_hangs_is_replaced(preparer: ProcessPreparer) -> None:
    first = await pid_of(preparer)
    os.kill(first, signal.SIGSTOP)
    with pytest.raises(DependencyFailed, match="took longer"):
        await preparer.embed(TEXTS, timeout_s=0.05)
    assert await pid_of(preparer) != first


async def test_a_child_that_cannot_start_is_a_failed_dependency(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    preparer = ProcessPreparer(tmp_path, 384)
    with pytest.raises(DependencyFailed, match="ended with status 1"):
        await preparer.embed(["a"], timeout_s=30)
    assert "holds no exported embedding model" in capfd.readouterr().err
    await preparer.aclose()


async def test_a_defect_comes_as_its_traceback(preparer: ProcessPreparer) -> None:
    with pytest.raises(RuntimeError, match="AttributeError"):
        await preparer.cut(SPACE, ["no document"], timeout_s=30)  # type: ignore[list-item]
    assert len(await preparer.cut(SPACE, DOCUMENTS, timeout_s=30)) == len(DOCUMENTS)


async def test_closing_ends_the_child_and_what_was_asked(preparer: ProcessPreparer) -> None:
    await pid_of(preparer)
    asked = asyncio.create_task(preparer.embed(TEXTS * 10, timeout_s=30))
    await asyncio.sleep(0)
    await preparer.aclose()
    with pytest.raises((DependencyFailed, ShuttingDown)):
        await asked
    assert preparer.pid is None
    with pytest.raises(ShuttingDown):
        await preparer.embed(["a"], timeout_s=30)


@pytest.mark.skipif(not Path("/proc/self/stat").is_file(), reason="processes are looked up in /proc")
def test_the_child_dies_with_its_parent(model_folder: Path) -> None:
    program = f"""
import asyncio, os, signal, sys
from pathlib import Path
from rag.ingestion.process import ProcessPreparer
async def main():
    preparer = ProcessPreparer(Path(sys.argv[1]), 384)
    await preparer.embed(["a"], timeout_s=60)
    asyncio.create_task(preparer.embed({TEXTS!r} * 9, timeout_s=60))
    await asyncio.sleep(0)
    print(preparer.pid, flush=True)
    os.kill(os.getpid(), signal.SIGKILL)
asyncio.run(main())
"""
    command = [sys.executable, "-c", program, str(model_folder)]
    # the child holds this pipe too, so that its end is told by the pipe's end
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        assert parent.stderr is not None
        pid = int(parent.stdout.readline())
        assert parent.wait(60) == -signal.SIGKILL
        parent.stderr.read()
    assert not alive(pid)
