import os
import subprocess
import sys

import pytest

from evals.errors import CannotMeasure
from evals.soak.process import family, held


def test_a_process_holds_memory_handles_and_threads(tmp_path):
    before = held(os.getpid())
    with (tmp_path / "one").open("w"), (tmp_path / "two").open("w"):
        assert held(os.getpid())["handles"] - before["handles"] == 2
    assert before["rss_mib"] > 10
    assert before["threads"] >= 1


def test_children_belong_to_the_family():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as child:
        found, both, alone = family(os.getpid()), held(os.getpid()), held(child.pid)
        child.communicate(b"\n")
    assert {os.getpid(), child.pid} <= found
    assert both["threads"] > alone["threads"]
    assert os.getppid() not in found


def test_a_process_that_is_gone():
    with subprocess.Popen([sys.executable, "-c", ""]) as child:
        child.wait()
    with pytest.raises(CannotMeasure, match=str(child.pid)):
        held(child.pid)
