"""What can be seen without vLLM; tests/vllm runs it."""

import shutil
import subprocess

import pytest

from chaos.lab.vllm import MADE, command, make_model


def test_the_command_serves_the_model_under_its_names(tmp_path):
    made = command("python", 8001, tmp_path, ["small", "twin"])
    assert made[:5] == ["python", "-m", "vllm.entrypoints.openai.api_server", "--port", "8001"]
    assert made[-5:] == ["--model", str(tmp_path), "--served-model-name", "small", "twin"]


def test_a_model_that_is_there_is_not_made_again(tmp_path):
    (tmp_path / MADE).touch()
    assert make_model("no-such-python", tmp_path, 0, [], {}) == tmp_path


def test_what_is_no_interpreter_of_vllm_fails(tmp_path):
    with pytest.raises(subprocess.CalledProcessError):
        make_model(shutil.which("false"), tmp_path, 0, [], {})
