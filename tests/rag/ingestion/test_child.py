"""The program itself is tested through `rag.ingestion.process`; here is what its parent cannot see."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from rag.ingestion import frames
from tests.support.killed import ROOT


def test_it_ends_when_standard_input_does(model_folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rag.ingestion.child", str(model_folder), "1"],
        cwd=ROOT,
        input=frames.frame((0, "embed", (["a"],), 60.0))[:10],
        capture_output=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
