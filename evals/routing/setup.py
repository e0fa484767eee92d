"""What the routing commands share: the embedding model, a classifier that fits it, progress, files."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.progress import Progress

from evals.errors import CannotMeasure
from evals.routing.table import Watch
from rag.cli.output import people
from rag.embedding.files import prepare
from rag.embedding.onnx import OnnxModel
from rag.settings import load_settings
from router.classifier import Classifier, default_classifier

#: Drawings of a progress bar from its start to its end.
_DRAWINGS = 50


def embedding_model() -> OnnxModel:
    """The model that the service embeds questions with."""
    settings = load_settings()
    return OnnxModel.load(prepare(settings.cache_dir, settings.embedder.model))


def classifier_for(path: Path | None, embedder: str) -> Classifier:
    """The classifier of the file, or the one that ships.

    Raises:
        CannotMeasure: the file holds none, or one for another embedding model.
    """
    try:
        classifier = Classifier.load(path) if path else default_classifier()
    except ValueError as error:
        raise CannotMeasure(str(error)) from error
    if classifier.embedder != embedder:
        raise CannotMeasure(f"the classifier belongs to vectors of {classifier.embedder}, not of {embedder}")
    return classifier


@contextmanager
def progress(what: str) -> Iterator[Watch]:
    """A bar on stderr."""
    with Progress(console=people, auto_refresh=False) as bar:
        task = bar.add_task(what, total=None)

        def watch(done: int, total: int) -> None:
            drawn = done == total or done % max(1, total // _DRAWINGS) == 0
            bar.update(task, completed=done, total=total, refresh=drawn)

        yield watch


def write(path: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        CannotMeasure: it cannot be written.
    """
    with _writing(path):
        path.write_bytes(content)


def save(classifier: Classifier, path: Path) -> None:
    """Write a classifier.

    Raises:
        CannotMeasure: it cannot be written.
    """
    with _writing(path):
        classifier.save(path)


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise CannotMeasure(f"cannot write {path}: {error}") from error
