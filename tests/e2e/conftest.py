"""Real processes over data folders of their own."""

import pytest

from tests.support import folders
from tests.support.command import Command
from tests.support.corpus import DOCUMENTS, as_lines
from tests.support.processes import Environment, serving, steadyrag


@pytest.fixture
def data_dir(scratch):
    """A data folder that does not exist yet."""
    return scratch / "data"


@pytest.fixture
def environment(data_dir, model_folder):
    """Settings of a command: `environment(index__shards=1)`."""

    def make(data_dir=data_dir, **settings):
        return Environment(data_dir, model_folder, **{"limits__min_free_bytes": 0, **settings})

    return make


@pytest.fixture
def command(monkeypatch, capsys, environment):
    """Run a command in this process, over one shard."""
    return Command(monkeypatch, capsys, environment(index__shards=1))


@pytest.fixture(scope="module")
def served(model_folder):
    """A running service over the corpus, for the tests of one module."""
    with folders.scratch() as folder:
        environment = Environment(folder / "data", model_folder, limits__min_free_bytes=0)
        ingested = steadyrag(environment, "ingest", "-", stdin=as_lines(DOCUMENTS))
        assert ingested.returncode == 0, ingested.stderr
        with serving(environment) as service:
            yield service
