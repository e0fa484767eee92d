"""Real vLLM servers on this machine's CPU, each with a tiny model whose answers are noise.

vLLM lives in an environment of its own, named by its interpreter: its dependencies do not fit beside ours.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

#: Runs in vLLM's environment.
MAKE_MODEL = Path(__file__).with_name("tiny_model.py")
READY_S = 300.0
#: A file of the last things that a model is made of.
MADE = "model.safetensors"
VARIABLES = {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "VLLM_CPU_KVCACHE_SPACE": "1",
    "VLLM_CPU_OMP_THREADS_BIND": "nobind",  # else every server takes the same core
    "VLLM_NO_USAGE_STATS": "1",
}
#: 65,536 tokens of prefix cache, which is less than the prompts of a replay have: caches are never large enough.
CACHE = ("--block-size", "32", "--num-gpu-blocks-override", "2048")
FLAGS = (
    *("--host", "127.0.0.1", "--max-model-len", "8192", "--dtype", "bfloat16", *CACHE),
    *("--enforce-eager", "--enable-prompt-tokens-details"),
)


def make_model(python: str | Path, folder: Path, seed: int, texts: Iterable[Path], env: Mapping[str, str]) -> Path:
    """A tiny model with random weights in the folder, unless it is there; its tokens are learnt from the texts.

    Raises:
        subprocess.CalledProcessError: the interpreter's environment is not vLLM's.
    """
    if not (folder / MADE).exists():
        command = [str(python), str(MAKE_MODEL), str(folder), str(seed), *map(str, sorted(texts))]
        subprocess.run(command, check=True, capture_output=True, env={**env, **VARIABLES})  # noqa: S603 - no shell
    return folder


def command(python: str | Path, port: int, model: Path, names: Sequence[str]) -> list[str]:
    """What serves the model under the names; run it with `VARIABLES`."""
    serve = [str(python), "-m", "vllm.entrypoints.openai.api_server", "--port", str(port), *FLAGS]
    return [*serve, "--model", str(model), "--served-model-name", *names]
