"""The command `steadyrag` in this process, and a running service in another."""

import pytest

from tests.support import folders
from tests.support.command import Command
from tests.support.corpus import DOCUMENTS, as_lines
from tests.support.processes import Environment, serving, steadyrag


@pytest.fixture
def command(monkeypatch, capsys, scratch, model_folder):
    """Run a command; its data folder is `scratch / "data"`."""
    environment = Environment(scratch / "data", model_folder, index__shards=1, limits__min_free_bytes=0)
    return Command(monkeypatch, capsys, environment)


@pytest.fixture
def corpus(tmp_path):
    """The documents as JSON Lines."""
    file = tmp_path / "corpus.jsonl"
    file.write_text(as_lines(DOCUMENTS))
    return file


@pytest.fixture(scope="session")
def running(model_folder):
    """A service over a data folder of its own, for commands with --url; tests use collections of their own."""
    with folders.scratch() as folder:
        environment = Environment(folder / "data", model_folder, index__shards=1, limits__min_free_bytes=0)
        ingested = steadyrag(environment, "ingest", "-", stdin=as_lines(DOCUMENTS))
        assert ingested.returncode == 0, ingested.stderr
        with serving(environment) as served:
            served.data_dir = folder / "data"
            yield served
