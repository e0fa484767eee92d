"""Real processes over data folders of their own."""

import json

import pytest

from tests.support import folders
from tests.support.corpus import DOCUMENTS
from tests.support.processes import Environment, serving, steadyrag


def as_lines(documents):
    """The documents as JSON Lines."""
    records = ({"_id": each.id, "title": each.title, "text": each.text, "format": each.format} for each in documents)
    return "".join(json.dumps(record) + "\n" for record in records)


@pytest.fixture
def environment(scratch, model_folder):
    """Settings of a command whose data folder is `scratch / "data"`: `environment(index__shards=1)`."""

    def make(**settings):
        return Environment(scratch / "data", model_folder, **{"limits__min_free_bytes": 0, **settings})

    return make


@pytest.fixture(scope="module")
def served(model_folder):
    """A running service over the corpus, for the tests of one module."""
    with folders.scratch() as folder:
        environment = Environment(folder / "data", model_folder, limits__min_free_bytes=0)
        ingested = steadyrag(environment, "ingest", "-", stdin=as_lines(DOCUMENTS))
        assert ingested.returncode == 0, ingested.stderr
        with serving(environment) as service:
            yield service
