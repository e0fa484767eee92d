import os
import sys
from pathlib import Path

import pytest

from evals.errors import CannotMeasure
from evals.profile import sampling


@pytest.mark.skipif(not Path(sys.executable).with_name("py-spy").exists(), reason="py-spy is an extra")
def test_the_service_is_started_by_the_sampler(tmp_path):
    words = sampling.command(8123, tmp_path / "stacks.txt")
    assert words[0] == str(spy())
    assert words[-3:] == ["serve", "--port", "8123"]
    assert words.index("--") < words.index("serve")


def test_without_py_spy_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, "executable", str(tmp_path / "python"))
    monkeypatch.setattr(os, "defpath", str(tmp_path))
    with pytest.raises(CannotMeasure, match=r"steadyrag\[evals\]"):
        sampling.command(8123, tmp_path / "stacks.txt")


def spy():
    return Path(sys.executable).with_name("py-spy")
