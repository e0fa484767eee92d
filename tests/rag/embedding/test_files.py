from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from rag.embedding import files
from rag.embedding.files import (
    DEFAULT_MODEL,
    MANIFEST,
    Manifest,
    bundled_weights,
    model_folder,
    prepare,
    read_manifest,
)
from rag.errors import ConfigError

COMPLETE = Manifest(format=1, model="m", precision="int8", dimension=3, max_tokens=9, pooling="mean", min_cosine=0.995)


def put_manifest(folder: Path) -> Path:
    folder.mkdir(parents=True)
    (folder / MANIFEST).write_text(COMPLETE.model_dump_json())
    return folder


def test_each_model_has_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    names = [
        "all-MiniLM-L6-v2",
        "sentence-transformers/all-MiniLM-L6-v2",
        "/models/mine",
        "../../mine",
        "ü",
        "mine" * 99,
    ]
    folders = [model_folder(tmp_path, name) for name in names]
    assert len(set(folders)) == len(names)
    assert all(folder.parent == tmp_path / "models" for folder in folders)
    assert folders == [model_folder(tmp_path, name) for name in names]
    assert folders[0].name.startswith("all-MiniLM-L6-v2-")
    monkeypatch.setattr(files, "FORMAT", files.FORMAT + 1)
    assert model_folder(tmp_path, names[0]) not in folders


def test_a_manifest_is_read(tmp_path: Path) -> None:
    assert read_manifest(put_manifest(tmp_path / "m")) == COMPLETE


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"\xff", json.dumps({"format": 1}).encode()])
def test_an_incomplete_manifest_is_none(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / MANIFEST).write_bytes(content)
    assert read_manifest(tmp_path) is None


def test_weights_come_with_the_default_model_only() -> None:
    bundled = bundled_weights(DEFAULT_MODEL)
    assert bundled is not None
    assert (Path(bundled) / "config.json").is_file()
    assert bundled_weights(f"sentence-transformers/{DEFAULT_MODEL}") == bundled
    assert bundled_weights("all-mpnet-base-v2") is None


def test_without_the_wheel_the_default_model_is_like_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    assert bundled_weights(DEFAULT_MODEL) is None


def test_what_is_exported_is_not_exported_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = put_manifest(model_folder(tmp_path, "m"))
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)  # an export would be refused
    assert prepare(tmp_path, "m") == folder


def test_a_missing_exporter_is_named_with_what_mends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(ConfigError, match=r"m is not exported yet.*pip install 'steadyrag\[export\]'"):
        prepare(tmp_path, "m")


@pytest.fixture
def exporter(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Puts a shell script in the place of the Python that exports."""
    if importlib.util.find_spec("sentence_transformers") is None:
        pytest.skip("the exporter is not installed")

    def put(script: str) -> None:
        file = tmp_path / "python"
        file.write_text(f"#!/bin/sh\n{script}\n")
        file.chmod(0o755)
        monkeypatch.setattr(sys, "executable", str(file))

    return put


def test_a_model_is_exported_by_a_child_process(
    tmp_path: Path, exporter: Callable[[str], None], capfd: pytest.CaptureFixture[str]
) -> None:
    folder = model_folder(tmp_path, "some model")
    source = put_manifest(tmp_path / "source") / MANIFEST
    # the arguments: -W ignore -m MODULE MODEL FOLDER WORK
    exporter(f'[ "$4 $5" = "rag.embedding.export some model" ] && mkdir -p "$6" && cp {source} "$6"')
    assert prepare(tmp_path, "some model") == folder
    assert "Exporting some model to int8 ONNX, once" in capfd.readouterr().err


@pytest.mark.parametrize("answer", ["", "trap '' INT;"])
def test_ctrl_c_ends_the_export(
    tmp_path: Path, exporter: Callable[[str], None], monkeypatch: pytest.MonkeyPatch, answer: str
) -> None:
    monkeypatch.setattr(files, "STOP_S", 0.1 if answer else 10)
    before = signal.getsignal(signal.SIGINT)
    exporter(f'{answer} echo half > "$7/model.onnx"; echo $$ > {tmp_path}/pid; kill -INT $PPID; exec sleep 60')
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path, "m")
    assert list((tmp_path / "models").iterdir()) == []
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()
    assert signal.getsignal(signal.SIGINT) == before


def test_ctrl_c_while_the_export_begins_ends_it_too(
    tmp_path: Path, exporter: Callable[[str], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Interrupted(subprocess.Popen[str]):
        def __init__(self, *args: Any, **options: Any) -> None:
            super().__init__(*args, **options)
            begun.append(self.pid)
            signal.raise_signal(signal.SIGINT)

    begun: list[int] = []
    monkeypatch.setattr(subprocess, "Popen", Interrupted)
    exporter("exec sleep 60")
    with pytest.raises(KeyboardInterrupt):
        prepare(tmp_path, "m")
    assert not Path("/proc", str(begun[0])).exists()


def test_a_cache_folder_that_cannot_be_written_is_told_of(tmp_path: Path, exporter: Callable[[str], None]) -> None:
    exporter("exit 1")
    (tmp_path / "models").touch()
    with pytest.raises(ConfigError, match=r"cannot write to the cache folder .*models: .*STEADYRAG_CACHE_DIR"):
        prepare(tmp_path, "m")


def test_a_model_is_exported_on_any_thread(tmp_path: Path, exporter: Callable[[str], None]) -> None:
    exporter("exit 1")
    with (
        ThreadPoolExecutor(1) as pool,
        pytest.raises(ConfigError, match="failed: no output; it was looked for on a hub"),
    ):
        pool.submit(prepare, tmp_path, "m").result()


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        ("echo 'Traceback' >&2; echo 'OSError: no such model' >&2; exit 1", "OSError: no such model"),
        ("exit 1", "no output"),
        ("true", "no output"),
        ("kill -9 $$", "no output"),
    ],
)
def test_an_export_that_fails_is_a_clear_error(
    tmp_path: Path, exporter: Callable[[str], None], script: str, reason: str
) -> None:
    exporter(script)
    with pytest.raises(ConfigError, match=f"exporting the embedding model m failed: {reason}"):
        prepare(tmp_path, "m")
