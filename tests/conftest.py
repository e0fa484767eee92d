"""Fixtures that tests of several packages share."""

from __future__ import annotations

import gc
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import fastapi.dependencies.models
import hypothesis
import pytest

from rag.embedding.files import DEFAULT_MODEL, Manifest, prepare
from rag.embedding.onnx import OnnxModel
from rag.settings import NOT_SETTINGS, PREFIX, load_settings
from tests.support import folders
from tests.support.clock import FakeClock
from tests.support.embedder import WordEmbedder

# machines differ in speed, and a shared one from moment to moment
hypothesis.settings.register_profile("steadyrag", deadline=None)
hypothesis.settings.load_profile("steadyrag")


def pytest_make_parametrize_id(val: object, argname: str) -> str | None:
    """Name bytes that are no text by their argument: what is packed carries its time, and a test's name must not."""
    return argname if isinstance(val, bytes) and not val.isascii() else None


def pytest_collection_finish() -> None:
    """Keep what importing made out of every later collection of garbage: half a second each, with all tests at hand."""
    gc.collect()
    gc.freeze()
    gc.collect()


@pytest.fixture(scope="session", autouse=True)
def _models_are_loaded_once() -> Iterator[None]:
    """Services of one process share the embedding model: loading it takes longer than most tests."""
    load, loaded = OnnxModel.from_files, dict[tuple[Path, str], OnnxModel]()

    def from_files(folder: Path, manifest: Manifest) -> OnnxModel:
        key = folder, manifest.model_dump_json()
        if key not in loaded:
            loaded[key] = load(folder, manifest)
        return loaded[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(OnnxModel, "from_files", staticmethod(from_files))
        yield


@pytest.fixture(autouse=True)
def _services_are_let_go() -> Iterator[None]:
    """FastAPI remembers thousands of endpoints, and with each of them the service that it asks."""
    yield
    for value in vars(fastapi.dependencies.models).values():
        if hasattr(value, "cache_clear"):
            value.cache_clear()


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the developer has set must not change what the tests see."""
    for name in list(os.environ):
        if name.upper().startswith((PREFIX, "OTEL_")) and not name.upper().startswith(NOT_SETTINGS):
            monkeypatch.delenv(name)


@pytest.fixture
def clock() -> FakeClock:
    """A clock that stands still."""
    return FakeClock()


@pytest.fixture
def scratch() -> Iterator[Path]:
    """An empty folder, in memory where the machine has enough of it."""
    with folders.scratch() as folder:
        yield folder


@pytest.fixture
def pool() -> Iterator[ThreadPoolExecutor]:
    """Worker threads for adapters that take a pool."""
    with ThreadPoolExecutor(4) as threads:
        yield threads


@pytest.fixture(scope="session")
def model_folder() -> Path:
    """The exported embedding model, in the user's cache folder; a fresh machine exports it once, in about 20 s."""
    return prepare(load_settings().cache_dir, DEFAULT_MODEL)


@pytest.fixture(scope="session")
def model(model_folder: Path) -> OnnxModel:
    """The real embedding model."""
    return OnnxModel.load(model_folder)


@pytest.fixture
def words() -> WordEmbedder:
    """An embedder that is quick and understands nothing."""
    return WordEmbedder()
